package spool

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

func open(t *testing.T, folder string, limits Limits) *Spool {
	t.Helper()
	s, err := Open(folder, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func add(t *testing.T, s *Spool, records ...string) {
	t.Helper()
	for _, record := range records {
		if err := s.Append([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
}

// drain returns all records, and removes each segment.
func drain(t *testing.T, s *Spool) []string {
	t.Helper()
	all := []string{}
	for {
		segment, ok, err := s.Oldest()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		for _, record := range segment.Records {
			all = append(all, string(record))
		}
		if err := s.Remove(segment.Number); err != nil {
			t.Fatal(err)
		}
	}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestRecordsComeInOrderAndOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Limits{SegmentBytes: 30})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("record %d", i))
	}
	add(t, s, want...)
	expect(t, "all", drain(t, s), want)
	expect(t, "nothing is left", drain(t, s), []string{})
	if s.Bytes() != 0 {
		t.Errorf("%d bytes are said to be left", s.Bytes())
	}
	add(t, s, "later")
	expect(t, "later", drain(t, s), []string{"later"})
}

func TestASegmentIsReturnedUntilItIsRemoved(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Limits{})
	add(t, s, "a")
	first, _, err := s.Oldest()
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, "b")
	again, ok, err := s.Oldest()
	if err != nil || !ok || again.Number != first.Number || len(again.Records) != 1 {
		t.Fatalf("got %+v, %v, %v", again, ok, err)
	}
	expect(t, "all", drain(t, s), []string{"a", "b"})
}

// Opening the folder again simulates a process that was killed without Close: it uses none of the first spool's memory.
func TestAppendedRecordsSurviveACrash(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open(t, folder, Limits{SegmentBytes: 30})
	before := open(t, folder, Limits{SegmentBytes: 30})
	add(t, before, "one", "two", "three", "four", "five")
	after := open(t, folder, Limits{SegmentBytes: 30})
	if after.Bytes() != before.Bytes() {
		t.Errorf("%d bytes, %d before", after.Bytes(), before.Bytes())
	}
	add(t, after, "six")
	expect(t, "all", drain(t, after), []string{"one", "two", "three", "four", "five", "six"})
}

func TestATornLastRecordIsLeftOutAtEveryOffset(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, folder, Limits{})
	add(t, s, "the first", "the second")
	whole, err := os.ReadFile(filepath.Join(folder, nameOf(1)))
	if err != nil {
		t.Fatal(err)
	}
	second := frameSize([]byte("the first"))
	for end := second; end < len(whole); end++ {
		for name, tail := range map[string][]byte{
			"cut":               nil,
			"filled with zeros": make([]byte, len(whole)-end),
			"other bytes":       bytes.Repeat([]byte{0xA5}, len(whole)-end),
		} {
			folder := t.TempDir()
			content := append(bytes.Clone(whole[:end]), tail...)
			if err := os.WriteFile(filepath.Join(folder, nameOf(1)), content, 0o600); err != nil {
				t.Fatal(err)
			}
			torn := open(t, folder, Limits{})
			segment, ok, err := torn.Oldest()
			if err != nil || !ok || len(segment.Records) != 1 || segment.Torn != int64(len(content)-second) {
				t.Fatalf("%s at %d: %+v, %v, %v", name, end, segment, ok, err)
			}
			add(t, torn, "after the crash")
			expect(t, fmt.Sprintf("%s at %d", name, end), drain(t, torn), []string{"the first", "after the crash"})
			if torn.Bytes() != 0 {
				t.Errorf("%s at %d: %d bytes are said to be left", name, end, torn.Bytes())
			}
		}
	}
}

func TestADamagedBitEndsASegmentBeforeTheDamage(t *testing.T) {
	t.Parallel()
	var whole []byte
	for _, record := range []string{"one", "two", "three"} {
		whole = appendFrame(whole, []byte(record))
	}
	for bit := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		records, _ := readFrames(damaged)
		for i, record := range records {
			if want := []string{"one", "two", "three"}[i]; string(record) != want {
				t.Fatalf("bit %d: record %d is %q", bit, i, record)
			}
		}
		if len(records) == 3 {
			t.Fatalf("bit %d: the damage was not seen", bit)
		}
	}
}

func TestTheSizeIsBounded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	frame := int64(frameSize([]byte("0123456789")))
	s := open(t, folder, Limits{Bytes: 3 * frame, SegmentBytes: 2 * frame})
	add(t, s, "0123456789", "0123456789", "0123456789")
	if err := s.Append([]byte("0123456789")); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v", err)
	}
	if again := open(t, folder, Limits{Bytes: 3 * frame}); !errors.Is(again.Append([]byte("0123456789")), ErrFull) {
		t.Error("the bound does not hold after opening again")
	}
	segment, _, err := s.Oldest()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(segment.Number); err != nil {
		t.Fatal(err)
	}
	add(t, s, "abcdefghij")
	expect(t, "the rest", drain(t, s), []string{"0123456789", "abcdefghij"})
}

func TestConcurrentAppendsAreAllStored(t *testing.T) {
	t.Parallel()
	const writers, each = 32, 50
	s := open(t, t.TempDir(), Limits{SegmentBytes: 1000})
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := s.Append(fmt.Appendf(nil, "%02d %02d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	var got []string
	for running := true; running; {
		added := s.Added()
		got = append(got, drain(t, s)...)
		select {
		case <-added:
		case <-done:
			running = false
		}
	}
	got = append(got, drain(t, s)...)
	slices.Sort(got)
	var want []string
	for w := range writers {
		for i := range each {
			want = append(want, fmt.Sprintf("%02d %02d", w, i))
		}
	}
	expect(t, "all", got, want)
}

func TestAFailedWriteStoresNothingAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Limits{})
	add(t, s, "before")
	bytesBefore := s.Bytes()
	// A closed file fails as a full or broken disk does.
	if err := s.active.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]byte("lost")); err == nil {
		t.Fatal("it said that it kept the record")
	}
	if s.Bytes() != bytesBefore {
		t.Errorf("%d bytes, %d before", s.Bytes(), bytesBefore)
	}
	add(t, s, "after")
	expect(t, "all", drain(t, s), []string{"before", "after"})
}

func TestARemovedFolderIsAnError(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "spool")
	s := open(t, folder, Limits{})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Append([]byte("a")); err == nil {
		t.Fatal("it said that it kept the record")
	}
	if s.Bytes() != 0 {
		t.Errorf("%d bytes are said to be left", s.Bytes())
	}
}

func TestRecordsThatDoNotFitIntoAFrameAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Limits{})
	for _, size := range []int{0, maxRecord + 1} {
		if err := s.Append(make([]byte, size)); err == nil {
			t.Errorf("%d bytes were taken", size)
		}
	}
	if err := s.Append(make([]byte, maxRecord)); err != nil {
		t.Error(err)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"notes.txt", "1.spool", "-0000001.spool", "00000000.spool", "0000000x.spool"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, folder, Limits{})
	expect(t, "all", drain(t, s), []string{})
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 5 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestAClosedSpoolRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Limits{})
	add(t, s, "a")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append([]byte("b")); !errors.Is(err, ErrClosed) {
		t.Errorf("appending: %v", err)
	}
	if _, _, err := s.Oldest(); !errors.Is(err, ErrClosed) {
		t.Errorf("reading: %v", err)
	}
}

func FuzzReadFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendFrame(appendFrame(nil, []byte("one")), []byte("two")))
	f.Add(appendFrame(nil, []byte("one"))[:5])
	f.Add(make([]byte, 64))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, content []byte) {
		records, rest := readFrames(content)
		var again []byte
		for _, record := range records {
			again = appendFrame(again, record)
		}
		if !bytes.Equal(append(again, rest...), content) {
			t.Fatal("what was read is not what is there")
		}
	})
}
