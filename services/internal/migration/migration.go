// Package migration says which migrations a binary knows, and whether a database fits it.
package migration

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Newest gives the number of the newest migration that this binary knows.
func Newest(migrations fs.FS) (newest int64, err error) {
	files, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		number, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		newest = max(newest, number)
	}
	if newest == 0 {
		return 0, errors.New("there are no migrations")
	}
	return newest, nil
}

// Fits gives an error for a database that needs a newer binary: one that knows the migration least, where this one knows no newer
// one than newest. A database may have migrations that the binary does not know, those of a newer one that runs beside it or
// will: until one of them raises `least_migration` in the table meta, the binary can work on it.
func Fits(database string, least, newest int64) error {
	if least <= newest {
		return nil
	}
	return fmt.Errorf("%s needs a newer usher: one that knows migration %d, and this one knows %d", database, least, newest)
}
