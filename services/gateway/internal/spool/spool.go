// Package spool keeps records in a folder until somebody has taken them: what the gateway could not yet hand to the
// failedevents service. A record whose Append has returned survives kill -9 and loss of power. It knows nothing of what
// the records say.
//
// The folder holds segments, 00000001.spool and up, that are only ever appended to and are deleted whole, oldest first.
// Who takes records must bear to meet one twice: a segment that was taken in part is given whole again after a restart.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/usher-scim/usher/services/internal/wait"
)

// Limits bound a spool. A field that is zero has its default.
type Limits struct {
	// Bytes is the size of all segments together: 256 MiB.
	Bytes int64
	// SegmentBytes is the size at which a new segment begins: 4 MiB.
	SegmentBytes int64
}

// ErrFull is what Append gives when the record would exceed Limits.Bytes. The record is not kept.
var ErrFull = errors.New("the spool is full")

// ErrClosed is what a closed spool gives.
var ErrClosed = errors.New("the spool is closed")

// Spool is an open spool. It is safe for concurrent use, and starts no goroutines. One process at a time may have a
// folder open.
type Spool struct {
	folder string
	limits Limits
	added  wait.Signal

	// commit is held while a group is written, and is taken before mu. Appends that wait for it form the next group.
	commit sync.Mutex
	active *os.File // nil: the next group begins a segment
	size   int64    // of active, up to the last whole group

	mu      sync.Mutex
	closed  bool
	used    int64 // bytes of all segments and of the group that forms
	group   *group
	sealed  []segment // oldest first
	current int64     // the newest segment's number, which is active's if there is one
}

// segment is one that is written no more.
type segment struct {
	number int64
	size   int64
}

// group is the records that share one write and one fsync.
type group struct {
	frames []byte
	done   bool // under Spool.commit, as is err
	err    error
}

// Open opens a folder, and creates it if it is not there.
func Open(folder string, limits Limits) (*Spool, error) {
	if limits.Bytes <= 0 {
		limits.Bytes = 256 << 20
	}
	if limits.SegmentBytes <= 0 {
		limits.SegmentBytes = 4 << 20
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("creating the spool's folder: %w", err)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the spool's folder: %w", err)
	}
	s := &Spool{folder: folder, limits: limits}
	for _, file := range files {
		number, ok := numberOf(file.Name())
		if !ok {
			continue
		}
		info, err := file.Info()
		if err != nil {
			return nil, fmt.Errorf("reading the spool's folder: %w", err)
		}
		s.sealed = append(s.sealed, segment{number: number, size: info.Size()})
		s.used += info.Size()
		s.current = max(s.current, number)
	}
	slices.SortFunc(s.sealed, func(a, b segment) int { return cmp.Compare(a.number, b.number) })
	return s, nil
}

func nameOf(number int64) string { return fmt.Sprintf("%08d.spool", number) }

func numberOf(name string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, ".spool")
	number, err := strconv.ParseInt(digits, 10, 62)
	return number, ok && err == nil && number > 0 && nameOf(number) == name
}

// Append keeps a record: when it returns nil the record is on disk. Calls that come together share one fsync.
func (s *Spool) Append(record []byte) error {
	if len(record) == 0 || len(record) > maxRecord {
		return fmt.Errorf("a record has 1 to %d bytes, not %d", maxRecord, len(record))
	}
	g, err := s.join(record)
	if err != nil {
		return err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if !g.done {
		// Whoever comes first writes for all that joined meanwhile; the others find it done.
		s.mu.Lock()
		s.group = nil
		s.mu.Unlock()
		g.err = s.write(g.frames)
		g.done = true
	}
	return g.err
}

// join adds a record to the group that forms.
func (s *Spool) join(record []byte) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(frameSize(record))
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.used+size > s.limits.Bytes:
		return nil, ErrFull
	}
	s.used += size
	if s.group == nil {
		s.group = &group{}
	}
	s.group.frames = appendFrame(s.group.frames, record)
	return s.group, nil
}

// write puts a group on disk. It holds commit.
func (s *Spool) write(frames []byte) error {
	err := s.begin()
	if err == nil {
		err = s.put(frames)
	}
	if err != nil {
		s.mu.Lock()
		s.used -= int64(len(frames))
		s.mu.Unlock()
		return fmt.Errorf("writing to the spool: %w", err)
	}
	s.size += int64(len(frames))
	if s.size >= s.limits.SegmentBytes {
		s.seal()
	}
	s.added.Notify()
	return nil
}

// begin sees to it that there is an active segment, whose name is on disk too.
func (s *Spool) begin() error {
	if s.active != nil {
		return nil
	}
	s.mu.Lock()
	s.current++ // also when it fails: what it leaves behind must not be in the way of the next attempt
	number := s.current
	s.mu.Unlock()
	path := filepath.Join(s.folder, nameOf(number))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := s.syncFolder(); err != nil {
		return errors.Join(err, file.Close(), os.Remove(path))
	}
	s.active, s.size = file, 0
	return nil
}

func (s *Spool) syncFolder() error {
	folder, err := os.Open(s.folder)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// put writes and syncs. After a failure nobody knows what of the group the file holds: it is cut off, and the segment is
// written no more, so that nothing good ever comes after something torn.
func (s *Spool) put(frames []byte) error {
	_, err := s.active.Write(frames)
	if err == nil {
		err = s.active.Sync()
	}
	if err != nil {
		err = errors.Join(err, s.active.Truncate(s.size))
		s.seal()
	}
	return err
}

// seal ends the active segment. It holds commit.
func (s *Spool) seal() {
	_ = s.active.Close() // it is synced: a failure to close loses nothing
	s.mu.Lock()
	s.sealed = append(s.sealed, segment{number: s.current, size: s.size})
	s.mu.Unlock()
	s.active, s.size = nil, 0
}

// Segment is the records that are taken together.
type Segment struct {
	Number  int64
	Records [][]byte
	// Torn is how many bytes at its end are no whole record: a crash came while they were written, and nobody was told
	// that they were kept.
	Torn int64
}

// Oldest gives the oldest segment; false when there is no record. The same one comes until it is removed.
func (s *Spool) Oldest() (Segment, bool, error) {
	number, ok, err := s.oldest()
	if !ok || err != nil {
		return Segment{}, false, err
	}
	content, err := os.ReadFile(filepath.Join(s.folder, nameOf(number)))
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody else deleted it. There is nothing left of it to wait for.
		return Segment{Number: number}, true, nil
	}
	if err != nil {
		return Segment{}, false, fmt.Errorf("reading the spool: %w", err)
	}
	records, rest := readFrames(content)
	return Segment{Number: number, Records: records, Torn: int64(len(rest))}, true, nil
}

// oldest names the oldest segment. When that is the active one it is sealed: what is being read grows no more.
func (s *Spool) oldest() (int64, bool, error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	closed, sealed := s.closed, len(s.sealed)
	s.mu.Unlock()
	switch {
	case closed:
		return 0, false, ErrClosed
	case sealed == 0 && s.active == nil:
		return 0, false, nil
	case sealed == 0:
		s.seal()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealed[0].number, true, nil
}

// Remove deletes a segment that Oldest gave.
func (s *Spool) Remove(number int64) error {
	if err := os.Remove(filepath.Join(s.folder, nameOf(number))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting from the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = slices.DeleteFunc(s.sealed, func(g segment) bool {
		if g.number == number {
			s.used -= g.size
		}
		return g.number == number
	})
	return nil
}

// Added gives a channel that closes when the next record is kept. Take it before asking for the oldest segment.
func (s *Spool) Added() <-chan struct{} { return s.added.Wait() }

// Bytes is how much is kept.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Close ends the spool, after the last Append. All that was kept is on disk already. Closing twice is safe.
func (s *Spool) Close() error {
	s.commit.Lock()
	defer s.commit.Unlock()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.active != nil {
		s.seal()
	}
	return nil
}
