// Package migration lists a binary's migrations, and checks whether a database fits the binary.
package migration

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Newest returns the number of the newest migration of this binary.
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

// Fits returns an error for a database that needs a newer binary: one that knows the migration least, although newest is the newest
// migration of this one. A database may have migrations of a newer binary. This binary can use it until one of them raises
// `least_migration` in the table meta.
func Fits(database string, least, newest int64) error {
	if least <= newest {
		return nil
	}
	return fmt.Errorf("%s needs a newer usher: one that knows migration %d, and this one knows %d", database, least, newest)
}
