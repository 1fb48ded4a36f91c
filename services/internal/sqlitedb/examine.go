package sqlitedb

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/usher-scim/usher/services/internal/doctor"
)

// The header of a file, see https://www.sqlite.org/fileformat.html §1.3.
const (
	headerBytes = 100
	writeFormat = 18 // 2 means WAL
	magic       = "SQLite format 3\x00"
)

// Examine looks at the file of a database, without opening it as a database: that would take a lock. The data
// folder keeps other users from it.
func Examine(path, subject string, r *doctor.Report) {
	say := func(level doctor.Level, message, command string) {
		page := doctor.PageDisk
		if level == doctor.OK {
			page = ""
		}
		r.Add(doctor.Finding{Level: level, Check: "sqlite-file", Subject: subject, Message: message, Command: command, Page: page})
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		say(doctor.OK, "there is no file "+path+" yet: the start of the process creates it", "")
		return
	}
	header := make([]byte, headerBytes)
	if err == nil {
		err = readHeader(path, header)
	}
	switch {
	case err != nil:
		say(doctor.Error, path+" cannot be read: "+err.Error(), "ls -l "+path)
	case !bytes.HasPrefix(header, []byte(magic)):
		say(doctor.Error, path+" is not a SQLite file: it is damaged, or something else has written it", "")
	case header[writeFormat] != 2:
		say(doctor.Warning, path+" is not in WAL mode: somebody has changed it with another program. The next start changes it back", "")
	default:
		say(doctor.OK, path+" is a SQLite file in WAL mode of "+doctor.Bytes(info.Size()), "")
	}
}

func readHeader(path string, header []byte) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(file, header)
	return errors.Join(err, file.Close())
}
