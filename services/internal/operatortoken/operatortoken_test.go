package operatortoken

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	oldToken = "old-hunter2-0123456789abcdefghijklmnopqrstuvwxyz"
	newToken = "new-hunter2-0123456789abcdefghijklmnopqrstuvwxyz"
)

func write(t *testing.T, path, text string, mode fs.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

func symlink(t *testing.T, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadRefusesABadFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, text string, mode fs.FileMode) string {
		return write(t, filepath.Join(folder, name), text, mode)
	}
	fifo := filepath.Join(folder, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	good, open := file("good", oldToken+"\n", 0o400), file("open", oldToken, 0o604)
	for name, c := range map[string]struct{ path, want string }{
		"a token":                                {good, ""},
		"white space around it":                  {file("spaces", " \n\t"+oldToken+"\r\n\n", 0o600), ""},
		"the shortest token":                     {file("shortest", strings.Repeat("a", 32), 0o600), ""},
		"the longest token":                      {file("longest", strings.Repeat("a", 1024), 0o600), ""},
		"a symbolic link":                        {symlink(t, "good", filepath.Join(folder, "link")), ""},
		"a symbolic link to a file that is open": {symlink(t, open, filepath.Join(folder, "link-open")), "can be read by other users (mode 0604): use chmod 600"},
		"a file that the group can read":         {file("group", oldToken, 0o640), "can be read by other users (mode 0640)"},
		"a file that others can write":           {file("writable", oldToken, 0o602), "can be read by other users (mode 0602)"},
		"nothing in it":                          {file("empty", "", 0o600), "is empty"},
		"only white space":                       {file("blank", " \n\n", 0o600), "is empty"},
		"two lines":                              {file("two", oldToken+"\n"+newToken+"\n", 0o600), "the token must be one line of ASCII characters without spaces"},
		"a space in it":                          {file("words", "hunter2 hunter2 hunter2 hunter2 hunter2", 0o600), "the token must be one line of ASCII characters without spaces"},
		"letters beyond ASCII":                   {file("umlauts", strings.Repeat("ä", 32), 0o600), "the token must be one line of ASCII characters without spaces"},
		"a short token":                          {file("short", "hunter2", 0o600), "the token must be 32 characters or more, not 7"},
		"a long token":                           {file("long", strings.Repeat("a", 1025), 0o600), "the token must be at most 1024 bytes, not 1025"},
		"a large file":                           {file("large", strings.Repeat(" ", 4096)+"a", 0o600), "must be at most 4096 bytes"},
		"a folder":                               {folder, "is not a regular file"},
		"a named pipe":                           {fifo, "is not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := Read(c.path)
			switch {
			case (err == nil) != (c.want == ""), err == nil && token == "", err != nil && token != "":
				t.Errorf("a token: %v, %v", token != "", err)
			case err != nil && (!strings.HasPrefix(err.Error(), c.path) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := Read(symlink(t, "nothing", filepath.Join(folder, "dangling"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// Kubernetes mounts the secret of a pod that has a user and an fsGroup with root as its owner, and readable by the group.
func TestAFileOfRootMayBeReadableByTheGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		mode  fs.FileMode
		owner uint32
		self  int
		want  bool
	}{
		{"its own file", 0o600, 1000, 1000, false},
		{"its own file, for the group", 0o640, 1000, 1000, true},
		{"a file of root, for the group", 0o440, 0, 1000, false},
		{"a file of root that the group can change", 0o460, 0, 1000, true},
		{"a file of root, for others", 0o444, 0, 1000, true},
		{"root's own file, for the group", 0o440, 0, 0, true},
		{"a file of somebody else, for the group", 0o440, 1001, 1000, true},
	} {
		if got := readable(c.mode, c.owner, c.self); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		paths []string
		want  string // in the error, or the subjects
	}{
		"none":            {nil, ""},
		"two":             {[]string{"/run/a.txt", " b"}, "operator/a.txt operator/b"},
		"the same name":   {[]string{"/run/1/token", "/run/2/token"}, `must be files with different names, and not both "/run/1/token" and "/run/2/token"`},
		"an empty path":   {[]string{"a", ""}, "must be files whose names have"},
		"a name of dots":  {[]string{".."}, "must be files whose names have"},
		"a name to guess": {[]string{"a b"}, "must be files whose names have"},
		"a long name":     {[]string{strings.Repeat("a", 65)}, "1 to 64 letters"},
		"many":            {strings.Split(strings.Repeat("a,", 16), ","), "must be at most 16 files, not 17"},
	} {
		files, err := Named(c.paths)
		var subjects []string
		for _, f := range files {
			subjects = append(subjects, f.Subject)
		}
		got := strings.Join(subjects, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTwoFilesWithTheSameTokenAreRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var files []File
	for name, text := range map[string]string{"1": oldToken, "2": newToken, "3": oldToken + "\n"} {
		write(t, filepath.Join(folder, name), text, 0o600)
	}
	for _, name := range []string{"1", "2", "3"} {
		files = append(files, File{filepath.Join(folder, name), name})
	}
	tokens, failures := ReadAll("", files)
	if len(tokens) != 2 || tokens[0].Subject != "1" || tokens[1].Subject != "2" || failures[0] != nil || failures[1] != nil ||
		failures[2] == nil || failures[2].Error() != files[2].Path+" contains the same token as "+files[0].Path {
		t.Errorf("%d tokens, %v", len(tokens), failures)
	}
	tokens, failures = ReadAll(secret.Text(newToken), files)
	if len(tokens) != 2 || tokens[0].Subject != "operator" || tokens[1].Subject != "1" ||
		failures[1] == nil || failures[1].Error() != files[1].Path+" contains the same token as operator_token" {
		t.Errorf("with the setting: %d tokens, %v", len(tokens), failures)
	}
}
