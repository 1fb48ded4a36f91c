package doctor

import (
	"fmt"
	"time"
)

// smallOffset is a difference between clocks that needs no attention.
const smallOffset = time.Second

// Clock is the finding about a clock that was read between two times of this machine. most is the difference above which Usher does not
// work well. subject is where the clock is, such as "Redis".
func Clock(subject string, theirs, before, after time.Time, most time.Duration) Finding {
	f := Finding{Level: OK, Check: "clock", Subject: subject, Page: PageClock}
	// It was read at some moment between the two. If it could have been right then, it is right.
	offset, way := time.Duration(0), "ahead of"
	switch {
	case theirs.Before(before):
		offset, way = before.Sub(theirs), "behind"
	case theirs.After(after):
		offset = theirs.Sub(after)
	}
	switch {
	case offset > most:
		f.Level = Error
	case offset > smallOffset:
		f.Level = Warning
	default:
		f.Page = ""
		f.Message = fmt.Sprintf("its clock and that of this machine differ by %s at most", max(offset, after.Sub(before)).Round(time.Millisecond))
		return f
	}
	f.Message = fmt.Sprintf("its clock is %s %s that of this machine. With more than %s, a gateway can find every API key expired, and access says a wrong age",
		offset.Round(time.Millisecond), way, most)
	f.Command = "timedatectl"
	return f
}

// soon is the time before the end of a certificate at which it should have been renewed.
const soon = 14 * 24 * time.Hour

// Expiry is the finding about the end of a certificate. check is "certificate" or "tls-certificate".
func Expiry(check, subject, file string, end, now time.Time) Finding {
	f := Finding{Level: OK, Check: check, Subject: subject, Page: PageCertificates}
	left := end.Sub(now)
	switch {
	case left <= 0:
		f.Level = Error
		f.Message = fmt.Sprintf("%s expired %s ago, on %s: nobody accepts it any more", file, Span(-left), end.UTC().Format(time.RFC3339))
	case left < soon:
		f.Level = Warning
		f.Message = fmt.Sprintf("%s expires in %s, on %s: renew it. Usher reads the new file without a restart", file, Span(left), end.UTC().Format(time.RFC3339))
	default:
		f.Page = ""
		f.Message = fmt.Sprintf("%s expires in %s", file, Span(left))
		return f
	}
	f.Command = "openssl x509 -noout -subject -enddate -in " + file
	return f
}

// Span returns a duration as people say it: in days if there are several, or else in hours, minutes or seconds.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// Bytes returns a size as people say it.
func Bytes(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
