// Package sqlfile reads the statements of a store from files. Each .sql file contains one whole statement, which psql and sqlite3 can run
// unchanged. It names its arguments :name, like psql's variables (\set) and sqlite3's parameters (.parameter set).
package sqlfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Dialect is a database's variant of SQL.
type Dialect int

// The dialects. The position of an argument is written $1 or ?1. In SQLite it is ? if it is the next one.
const (
	Postgres Dialect = iota
	SQLite
)

// Statements are the files of a folder. Call Load only to initialize package variables.
type Statements struct {
	folder  fs.FS
	dialect Dialect
	loaded  map[string][]string // arguments by file
}

// In returns the statements of a folder.
func In(folder fs.FS, dialect Dialect) *Statements {
	return &Statements{folder: folder, dialect: dialect, loaded: map[string][]string{}}
}

// Load reads sql/name.sql and converts it for a driver. It replaces the name of an argument by its position in arguments, and removes
// comments and line breaks. Like regexp.MustCompile, it panics on an error: if the file is missing, if it is not one statement, or if
// its arguments differ from the given ones.
func (s *Statements) Load(name string, arguments ...string) string {
	file := Path(name)
	text, err := fs.ReadFile(s.folder, file)
	if err != nil {
		panic(err)
	}
	converted, err := convert(s.dialect, string(text), arguments)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", file, err))
	}
	s.loaded[name] = arguments
	return converted
}

// Path returns the file of a statement.
func Path(name string) string { return "sql/" + name + ".sql" }

// Names lists the loaded statements.
func (s *Statements) Names() []string { return slices.Sorted(maps.Keys(s.loaded)) }

// Source returns a statement as in its file, and the names of its arguments by position.
func (s *Statements) Source(name string) (text string, arguments []string, err error) {
	raw, err := fs.ReadFile(s.folder, Path(name))
	return string(raw), s.loaded[name], err
}

// Unused lists the files that were never loaded.
func (s *Statements) Unused() (files []string, err error) {
	all, err := fs.Glob(s.folder, Path("*"))
	for _, file := range all {
		if !slices.ContainsFunc(s.Names(), func(name string) bool { return Path(name) == file }) {
			files = append(files, file)
		}
	}
	return files, err
}

// convert writes a statement in the driver's form.
func convert(dialect Dialect, text string, arguments []string) (string, error) {
	r := reader{dialect: dialect, rest: text}
	used := make([]bool, len(arguments))
	last := -1 // the index of the last argument that was used in order
	var out []byte
	ended := false
	for r.rest != "" {
		kind, token := r.next()
		switch {
		case kind == space:
			if !ended && len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
		case kind == broken:
			return "", fmt.Errorf("what begins at %.20q does not end", token)
		case ended:
			return "", fmt.Errorf("after its end comes %.20q: a file is one statement", token)
		case kind == end:
			ended = true
		case kind == position:
			return "", fmt.Errorf("the argument at %.20q has no name", token)
		case kind == name:
			at := slices.Index(arguments, token[1:])
			if at < 0 {
				return "", fmt.Errorf("the argument %s is none of %v", token, arguments)
			}
			used[at] = true
			out = dialect.appendPosition(out, at, at == last+1)
			last = max(last, at)
		default:
			out = append(out, token...)
		}
	}
	if !ended {
		return "", errors.New("it does not end with a semicolon")
	}
	if at := slices.Index(used, false); at >= 0 {
		return "", fmt.Errorf("the argument :%s is not used", arguments[at])
	}
	return strings.TrimSuffix(string(out), " "), nil
}

// appendPosition writes the position of an argument. A plain ? is SQLite's next argument. For other forms the driver searches the name
// at each execution, and allocates it.
func (d Dialect) appendPosition(out []byte, at int, next bool) []byte {
	switch {
	case d == Postgres:
		out = append(out, '$')
	case next:
		return append(out, '?')
	default:
		out = append(out, '?')
	}
	return strconv.AppendInt(out, int64(at)+1, 10)
}
