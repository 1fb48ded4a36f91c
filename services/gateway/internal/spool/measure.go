package spool

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Usage is how full a spool is.
type Usage struct {
	// Bytes is the size of all segments.
	Bytes int64
	// Oldest is when the oldest segment was written to the last time; zero without one. Its records are older, or from this time.
	Oldest time.Time
}

// Measure looks at a folder that another process may have open as a Spool.
func Measure(folder string) (Usage, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return Usage{}, err
	}
	var u Usage
	for _, file := range files {
		if _, ok := numberOf(file.Name()); !ok {
			continue
		}
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // delivered meanwhile
		}
		if err != nil {
			return Usage{}, err
		}
		if info.Size() == 0 {
			continue
		}
		u.Bytes += info.Size()
		if u.Oldest.IsZero() || info.ModTime().Before(u.Oldest) {
			u.Oldest = info.ModTime()
		}
	}
	return u, nil
}
