package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/spool"
	"github.com/usher-scim/usher/services/internal/doctor"
)

const (
	// oldSpool is the age of a record in the spool that says that failedevents does not accept records: a gateway sends them at once.
	oldSpool = 5 * time.Minute
	// fullSpool is the percentage of a spool in which a burst of failed events may have no room.
	fullSpool = 90
)

// ExamineSpool looks at a spool that a gateway may have open.
func ExamineSpool(folder string, s Settings, now time.Time, r *doctor.Report) {
	usage, err := spool.Measure(folder)
	f := doctor.Finding{Level: doctor.OK, Check: "spool", Subject: "spool of the gateway"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Message = "there is no spool yet: the start of the gateway creates it"
		r.Add(f)
		return
	case err != nil:
		f.Level, f.Message, f.Page = doctor.Error, "the spool cannot be read: "+err.Error(), doctor.PageSpool
		r.Add(f)
		return
	}
	percent := int(usage.Bytes * 100 / max(1, s.SpoolBytes))
	f.Message = fmt.Sprintf("the spool contains %s of %s (%d %%)", doctor.Bytes(usage.Bytes), doctor.Bytes(s.SpoolBytes), percent)
	age := max(0, now.Sub(usage.Oldest))
	if usage.Bytes > 0 {
		f.Message += ", the oldest record for at least " + doctor.Span(age)
	}
	switch {
	case percent >= fullSpool:
		f.Level = doctor.Error
		f.Message += ": new failed events get lost. Does the service failedevents run?"
	case percent >= 100/spool.MinorShare:
		f.Level = doctor.Warning
		f.Message += ": there is no room for counts of messages any more. Does the service failedevents run?"
	case usage.Bytes > 0 && age > oldSpool:
		f.Level = doctor.Warning
		f.Message += ": the service failedevents does not accept the records, or no gateway runs on this folder"
	}
	if f.Level != doctor.OK {
		f.Page = doctor.PageSpool
	}
	r.Add(f)
}

// SpoolBytes returns the size of a spool that a gateway may have open.
func SpoolBytes(folder string) (int64, error) {
	usage, err := spool.Measure(folder)
	return usage.Bytes, err
}
