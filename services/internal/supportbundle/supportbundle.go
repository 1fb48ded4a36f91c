// Package supportbundle writes a file for the people who help with an installation. It has bounds, says what is in it and what is missing,
// and contains no secret: nobody who collects a part may rely on that, so all parts are searched for secrets once more.
package supportbundle

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// mostBytes bounds all parts together, and mostManifest the manifest.
	mostBytes    = 50 << 20
	mostManifest = 1 << 20
	// within is the time that all parts may take.
	within = 15 * time.Second
	// overtime is how long a part that is over its time may take to say so.
	overtime = time.Second
)

// Part is a part of a bundle.
type Part struct {
	// Name is the name of its file in the bundle.
	Name string
	// About says what it is.
	About string
	// Most bounds its bytes. The rest is left out.
	Most int
	// Get returns its contents, or the reason why there are none.
	Get func(ctx context.Context) ([]byte, error)
}

// Entry says what is in a bundle, or why it is missing.
type Entry struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Bytes int    `json:"bytes"`
	// Cut means that the end of the part is left out, because the part is too large.
	Cut bool `json:"cut"`
	// Missing is the reason why the part is not in the bundle, or empty.
	Missing string `json:"missing"`
}

// manifestName is the file with the entries, as JSON. It is the first one.
const manifestName = "manifest.json"

// Create collects the parts and writes them to a new file that only its owner can read, in the format tar with gzip. It overwrites no file,
// and leaves none behind after an error.
func Create(ctx context.Context, path string, parts []Part, redact *Redactor, now time.Time) ([]Entry, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	entries, contents := collect(ctx, parts, redact, mostBytes-mostManifest)
	err = write(file, entries, contents, redact, now)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return entries, nil
}

// collect gets all parts at the same time, and applies the bounds in their order. All together have left bytes at most.
func collect(ctx context.Context, parts []Part, redact *Redactor, left int) ([]Entry, [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	contents, errs := make([][]byte, len(parts)), make([]error, len(parts))
	var getting sync.WaitGroup
	for i, part := range parts {
		getting.Go(func() { contents[i], errs[i] = got(ctx, part) })
	}
	getting.Wait()
	entries := make([]Entry, len(parts))
	for i, part := range parts {
		entries[i] = Entry{Name: part.Name, About: part.About}
		if errs[i] != nil {
			entries[i].Missing, contents[i] = string(redact.Text([]byte(errs[i].Error()))), nil
			continue
		}
		// Half a secret at a cut would not be found any more.
		contents[i] = redact.Text(contents[i])
		if most := min(part.Most, left); len(contents[i]) > most {
			contents[i], entries[i].Cut = contents[i][:most], true
		}
		entries[i].Bytes = len(contents[i])
		left -= len(contents[i])
	}
	return entries, contents
}

// got gets a part. It leaves one that does not end in time, such as a read of a disk that does not answer.
func got(ctx context.Context, part Part) ([]byte, error) {
	type result struct {
		content []byte
		err     error
	}
	ended := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("a bug of this command: %v", p)}
			}
			ended <- r
		}()
		r.content, r.err = part.Get(ctx)
	}()
	select {
	case r := <-ended:
		return r.content, r.err
	case <-ctx.Done():
	}
	select { // it may notice the end itself, and say more
	case r := <-ended:
		return r.content, r.err
	case <-time.After(overtime):
		return nil, fmt.Errorf("no answer in %s", within)
	}
}

// write writes the manifest and the parts.
func write(out io.Writer, entries []Entry, contents [][]byte, redact *Redactor, now time.Time) error {
	manifest, err := json.MarshalIndent(map[string]any{
		"created": now.UTC().Format(time.RFC3339), "parts": entries,
		"never": []string{"users, groups, names and other data of people", "contents of messages", "API keys, credentials, tokens, passwords and private keys", "logs", "values of the mappings of oidc"},
	}, "", "  ")
	if err != nil {
		return err
	}
	zipped := gzip.NewWriter(out)
	archive := tar.NewWriter(zipped)
	add := func(name string, content []byte) error {
		header := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: now, Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := archive.Write(content)
		return err
	}
	err = add(manifestName, redact.Text(manifest))
	for i, entry := range entries {
		if err == nil && entry.Missing == "" {
			err = add(entry.Name, contents[i])
		}
	}
	return errors.Join(err, archive.Close(), zipped.Close())
}
