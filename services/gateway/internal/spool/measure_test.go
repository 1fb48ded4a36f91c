package spool

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"
)

func TestAnOpenSpoolCanBeMeasured(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := Measure(folder + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no folder: %v", err)
	}
	s := open(t, folder, Limits{SegmentBytes: 1})
	if err := os.WriteFile(folder+"/notes", make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, s, "one", "two")
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(folder+"/"+nameOf(1), old, old); err != nil {
		t.Fatal(err)
	}
	u, err := Measure(folder)
	if err != nil || u.Bytes != s.Bytes() || !u.Oldest.Equal(old) {
		t.Errorf("got %+v, %v, want %d bytes", u, err, s.Bytes())
	}
	drain(t, s)
	if u, err := Measure(folder); u != (Usage{}) || err != nil {
		t.Errorf("after all is delivered: %+v, %v", u, err)
	}
}
