package sqldb

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Time reads and writes a time as microseconds since 1970 in UTC; the zero time is 0.
func Time(t *time.Time) *MicroTime { return (*MicroTime)(t) }

// MicroTime is a time.Time in a column.
type MicroTime time.Time

// Scan implements sql.Scanner.
func (m *MicroTime) Scan(value any) error {
	micros, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", value)
	}
	if micros == 0 {
		*m = MicroTime{}
		return nil
	}
	*m = MicroTime(time.UnixMicro(micros).UTC())
	return nil
}

// Value implements driver.Valuer.
func (m *MicroTime) Value() (driver.Value, error) {
	if t := time.Time(*m); !t.IsZero() {
		return t.UnixMicro(), nil
	}
	return int64(0), nil
}
