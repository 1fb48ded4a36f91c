package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	tokenFile = "bootstrap-token"
	lockFile  = "lock"
	// seedFile exists from the creation of the folder until the demo data is complete.
	seedFile = "demo-data-missing"
)

// dataFolder contains all files of one process. It is locked, because SQLite's files have one writer.
type dataFolder struct {
	root string
	lock *os.File
}

// openDataFolder creates the folder if it is missing, and locks it.
func openDataFolder(root string) (*dataFolder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(root, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: another process serves from %s", root), lock.Close())
	}
	f := &dataFolder{root: root, lock: lock}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir: %w", err), lock.Close())
	}
	if len(entries) == 1 { // only the lock: the folder was empty
		if err := os.WriteFile(f.path(seedFile), nil, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("data_dir: %w", err), lock.Close())
		}
	}
	return f, nil
}

// spoolOf returns the folder of the spool in a data folder.
func spoolOf(root string) string { return filepath.Join(root, "spool") }

func (f *dataFolder) path(name string) string { return filepath.Join(f.root, name) }

// Close unlocks the folder.
func (f *dataFolder) Close() error { return f.lock.Close() }

// createToken creates the bootstrap token, which the operator signs in with, unless it exists.
func (f *dataFolder) createToken() error {
	path := f.path(tokenFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// The file is renamed into place, so it is never half written.
	if err := os.WriteFile(path+".new", []byte(rand.Text()+rand.Text()+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// seedOnce runs seed on a folder that was empty, and again if seed was interrupted.
func (f *dataFolder) seedOnce(seed func() error) error {
	if _, err := os.Stat(f.path(seedFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := seed(); err != nil {
		return err
	}
	return os.Remove(f.path(seedFile))
}
