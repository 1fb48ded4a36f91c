package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// profileFor is the length of a profile.
const profileFor = 5 * time.Second

// profile records CPU profiles of each process during each of its operations, if the options ask for it.
func (u *usher) profile(ctx context.Context, all []*operation) error {
	if u.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(u.profiles, 0o755); err != nil {
		return err
	}
	for _, o := range all {
		if o.who != u.who {
			continue
		}
		u.note("profiling %s: %s", u.who, o.name)
		var taking sync.WaitGroup
		errs := make([]error, len(u.processes))
		for i, p := range u.processes {
			words := strings.FieldsFunc(u.who+" "+o.name+" "+p.name, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') })
			file := filepath.Join(u.profiles, strings.Join(words, "-")+".pprof")
			taking.Go(func() { errs[i] = p.profile(ctx, file) })
		}
		var err error
		for start := time.Now(); time.Since(start) < profileFor && err == nil; {
			_, err = o.take(ctx)
		}
		taking.Wait()
		if o.rest != nil {
			err = errors.Join(err, o.rest(ctx))
		}
		if err = errors.Join(append(errs, err)...); err != nil {
			return fmt.Errorf("profiling %s: %w", u.who, err)
		}
	}
	return nil
}

func (p *process) profile(ctx context.Context, file string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.Ops, int(profileFor.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	return errors.Join(err, out.Close())
}
