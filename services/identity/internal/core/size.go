package core

import (
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// fits refuses a document that is larger, or has more values, than a stored document may. A stored document may exceed the
// limits, from a time with other limits: then it may not grow. old is nil for a new resource.
func (c *Core) fits(d, old *scim.Document) error {
	const what = "%s would have %d %s when it is stored, and the limit is %d."
	size, before := len(d.JSON()), 0
	if old != nil {
		if before = len(old.JSON()); deactivates(d, old) {
			before += len(`,"active":false`) // a deactivation, which takes access away, must not fail here
		}
	}
	if limit := c.config.DocumentBytes; size > limit && size > before {
		return fault.New(fault.InvalidValue, what, d.Type().Name, size, "bytes", limit)
	}
	limit := c.config.Limits.MaxValues()
	if size/2 <= limit { // a value takes at least two bytes: a character and a separator
		return nil
	}
	values, before := d.Values(), 0
	if old != nil {
		if before = old.Values(); deactivates(d, old) {
			before++
		}
	}
	if values > limit && values > before {
		return fault.New(fault.InvalidValue, what, d.Type().Name, values, "values", limit)
	}
	return nil
}

// deactivates reports whether d makes an active user inactive.
func deactivates(d, old *scim.Document) bool {
	active, said := d.Bool("active")
	was, saidBefore := old.Bool("active")
	return said && !active && (was || !saidBefore)
}
