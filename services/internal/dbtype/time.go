package dbtype

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Micros returns the stored form of a time: microseconds since 1970 in UTC. The zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros returns the time that Micros stored.
func FromMicros(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Time returns a scanner of a time that is stored as Micros.
func Time(t *time.Time) *MicroTime { return (*MicroTime)(t) }

// MicroTime is a time.Time in a column.
type MicroTime time.Time

func (m *MicroTime) Scan(value any) error {
	micros, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", value)
	}
	*m = MicroTime(FromMicros(micros))
	return nil
}

func (m *MicroTime) ScanInt64(value pgtype.Int8) error {
	if !value.Valid {
		return errors.New("a time is stored as NULL")
	}
	*m = MicroTime(FromMicros(value.Int64))
	return nil
}

func (m *MicroTime) Value() (driver.Value, error) { return Micros(time.Time(*m)), nil }
