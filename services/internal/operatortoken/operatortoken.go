// Package operatortoken reads the operator's tokens: one from the setting operator_token, and one from each file that operator_token_files
// names. A Follower reads the files again while Usher runs. The gateway recognizes the operator by these tokens, and the command line sends
// one of them.
package operatortoken

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/internal/secret"
)

// Longest is the greatest length of a token in bytes.
const Longest = 1024

const (
	shortest = 32 // characters of a token
	// mostFileBytes is the largest file: the longest token, and white space around it.
	mostFileBytes = 4096
	mostFiles     = 16
	longestName   = 64 // bytes of a file's name
)

// Subject is the subject of a principal that signs in with the token of the setting, or with the bootstrap token. The subject for the token
// of another file is this, a slash, and the name of the file.
const Subject = "operator"

// Token is a valid token. It contains no secret.
type Token struct {
	Subject string
	Digest  [sha256.Size]byte
}

// File is a file with one token.
type File struct{ Path, Subject string }

// Named returns the files with these paths. The name of each file becomes part of its subject, so two files must not have the same name. The
// error describes what the setting must be.
func Named(paths []string) ([]File, error) {
	if len(paths) > mostFiles {
		return nil, fmt.Errorf("must be at most %d files, not %d", mostFiles, len(paths))
	}
	var files []File
	named := map[string]string{}
	for _, path := range paths {
		path = strings.TrimSpace(path)
		name := filepath.Base(path)
		if len(name) > longestName || !validName.MatchString(name) {
			return nil, fmt.Errorf("must be files whose names have 1 to %d letters, digits, dots, hyphens and underscores, not %q", longestName, path)
		}
		if other, ok := named[name]; ok {
			return nil, fmt.Errorf("must be files with different names, and not both %q and %q: logs name a token by the name of its file", other, path)
		}
		named[name] = path
		files = append(files, File{Path: path, Subject: Subject + "/" + name})
	}
	return files, nil
}

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Check checks the form of a token. The error describes what the token must be, and contains nothing of it.
func Check(token secret.Text) error {
	text := token.Reveal()
	switch {
	case len(text) < shortest:
		return fmt.Errorf("must be %d characters or more, not %d", shortest, len(text))
	case len(text) > Longest:
		return fmt.Errorf("must be at most %d bytes, not %d", Longest, len(text))
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("must be one line of ASCII characters without spaces")
	}
	return nil
}

// Read reads the token of a file. White space around it does not count. It refuses a file that other users can read. An error names the
// file, and contains nothing of it. If there is no file, the error is fs.ErrNotExist.
func Read(path string) (secret.Text, error) {
	// Opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	// The file is checked that was opened: behind a symbolic link, or after the path was given to another file.
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && readable(info.Mode(), owner.Uid, os.Geteuid()) {
		return "", fmt.Errorf("%s can be read by other users (mode %04o): use chmod 600", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(file, mostFileBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > mostFileBytes:
		return "", fmt.Errorf("%s must be at most %d bytes", path, mostFileBytes)
	}
	token := secret.Text(strings.TrimSpace(string(content)))
	if token == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	if err := Check(token); err != nil {
		return "", fmt.Errorf("%s: the token %w", path, err)
	}
	return token, nil
}

// readable reports whether users can read or change a file besides its owner and root. If root owns the file, and this process runs as
// another user, then the group must be able to read it, or the process could not: so Kubernetes mounts a secret for a pod with an fsGroup.
func readable(mode fs.FileMode, owner uint32, self int) bool {
	if owner == 0 && self != 0 {
		return mode.Perm()&0o037 != 0
	}
	return mode.Perm()&0o077 != 0
}

// ReadAll reads the token of each file, and returns all valid tokens, beginning with that of the setting if there is one. failures has an
// error for each file without a valid token, and nil for the others, in the order of the files.
func ReadAll(setting secret.Text, files []File) (tokens []Token, failures []error) {
	from := map[[sha256.Size]byte]string{} // where each token is
	if setting != "" {
		tokens = append(tokens, Token{Subject, setting.Digest()})
		from[setting.Digest()] = "operator_token"
	}
	failures = make([]error, len(files))
	for i, file := range files {
		token, err := Read(file.Path)
		if err != nil {
			failures[i] = err
			continue
		}
		digest := token.Digest()
		if other, ok := from[digest]; ok {
			failures[i] = fmt.Errorf("%s contains the same token as %s", file.Path, other)
			continue
		}
		from[digest] = file.Path
		tokens = append(tokens, Token{file.Subject, digest})
	}
	return tokens, failures
}
