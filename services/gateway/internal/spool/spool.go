// Package spool keeps records in a folder until they are delivered: failed events, and counts of messages, that the gateway could not yet
// send to the failedevents service. A record whose Append has returned survives kill -9 and loss of power. The package does not read the contents of the records.
//
// The folder contains segments, 00000001.spool and up. A segment only grows, and is deleted as a whole, the oldest first. A reader must
// accept the same record twice: after a restart, a segment that was delivered in part is read again as a whole.
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

// Limits limit a spool. A field that is zero has its default.
type Limits struct {
	// Bytes is the greatest size of all segments together. The default is 256 MiB.
	Bytes int64
	// SegmentBytes is the size at which a new segment begins. The default is 4 MiB.
	SegmentBytes int64
}

// ErrFull is the error of Append and AppendMinor if there is no room for the record. The record is not stored.
var ErrFull = errors.New("the spool is full")

// ErrClosed is the error of a closed spool.
var ErrClosed = errors.New("the spool is closed")

// Spool is an open spool. It is safe for concurrent use, and starts no goroutines. Only one process at a time may have a folder open.
type Spool struct {
	folder string
	limits Limits
	added  wait.Signal

	// commit is locked while a group is written. Lock it before mu. Appends that wait for it form the next group.
	commit sync.Mutex
	active *os.File // nil: the next group begins a segment
	size   int64    // of active, up to the last whole group

	mu      sync.Mutex
	closed  bool
	used    int64 // bytes of all segments and of the group that forms
	group   *group
	sealed  []segment // oldest first
	current int64     // the number of the newest segment, which is that of active if it is set
}

// segment is a segment that does not grow any more.
type segment struct {
	number int64
	size   int64
}

// group is the records that share one write and one fsync.
type group struct {
	frames []byte
	done   bool // Spool.commit protects it, and err
	err    error
}

// Open opens a folder, and creates it if it does not exist.
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

// Append stores a record. When it returns nil, the record is on disk. Concurrent calls share one fsync.
func (s *Spool) Append(record []byte) error { return s.append(record, s.limits.Bytes) }

// MinorShare is the part of the spool that has room for minor records.
const MinorShare = 4

// AppendMinor is Append for a record that must not displace others: it stores the record only in the first quarter of the spool.
func (s *Spool) AppendMinor(record []byte) error { return s.append(record, s.limits.Bytes/MinorShare) }

// append stores a record if all records together then have at most so many bytes.
func (s *Spool) append(record []byte, most int64) error {
	if len(record) == 0 || len(record) > maxRecord {
		return fmt.Errorf("a record has 1 to %d bytes, not %d", maxRecord, len(record))
	}
	g, err := s.join(record, most)
	if err != nil {
		return err
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	if !g.done {
		// The first caller writes for all that joined meanwhile; the others then find it done.
		s.mu.Lock()
		s.group = nil
		s.mu.Unlock()
		g.err = s.write(g.frames)
		g.done = true
	}
	return g.err
}

// join adds a record to the group that forms.
func (s *Spool) join(record []byte, most int64) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(frameSize(record))
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.used+size > most:
		return nil, ErrFull
	}
	s.used += size
	if s.group == nil {
		s.group = &group{}
	}
	s.group.frames = appendFrame(s.group.frames, record)
	return s.group, nil
}

// write writes a group to disk. The caller has locked commit.
func (s *Spool) write(frames []byte) error {
	err := s.begin()
	if err == nil {
		err = s.writeSynced(frames)
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

// begin makes sure that there is an active segment whose name is on disk, too.
func (s *Spool) begin() error {
	if s.active != nil {
		return nil
	}
	s.mu.Lock()
	s.current++ // also after a failure, so that the remains do not disturb the next attempt
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

// writeSynced writes and syncs. After a failure, it is unknown which part of the group is in the file. So the part is cut off and the
// segment is closed, and no valid record ever follows a torn one.
func (s *Spool) writeSynced(frames []byte) error {
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

// seal closes the active segment. The caller has locked commit.
func (s *Spool) seal() {
	_ = s.active.Close() // it is synced, so a failure to close loses nothing
	s.mu.Lock()
	s.sealed = append(s.sealed, segment{number: s.current, size: s.size})
	s.mu.Unlock()
	s.active, s.size = nil, 0
}

// Segment is a set of records that are read together.
type Segment struct {
	Number  int64
	Records [][]byte
	// Torn is how many bytes at its end are not a whole record. A crash interrupted their write, and no caller was told that they were
	// stored.
	Torn int64
}

// Oldest returns the oldest segment, or false if there is no record. It returns the same segment until Remove is called.
func (s *Spool) Oldest() (Segment, bool, error) {
	number, ok, err := s.oldest()
	if !ok || err != nil {
		return Segment{}, false, err
	}
	content, err := os.ReadFile(filepath.Join(s.folder, nameOf(number)))
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody else deleted it, so there is nothing to wait for.
		return Segment{Number: number}, true, nil
	}
	if err != nil {
		return Segment{}, false, fmt.Errorf("reading the spool: %w", err)
	}
	records, rest := readFrames(content)
	return Segment{Number: number, Records: records, Torn: int64(len(rest))}, true, nil
}

// oldest returns the number of the oldest segment. If this is the active one, it seals it, so that a segment does not grow while it is
// read.
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

// Remove deletes a segment that Oldest returned.
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

// Added returns a channel that closes when the next record is stored. Take it before you call Oldest.
func (s *Spool) Added() <-chan struct{} { return s.added.Wait() }

// Bytes returns the size of all stored records.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Close closes the spool, after the last Append. Everything is on disk already. It is safe to close twice.
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
