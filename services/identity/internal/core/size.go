package core

import (
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// fits refuses a document that is larger than one may be when it is stored, or holds more values, however it was made. What is
// stored may be larger, from before there was a limit or under another one: then it may not grow. old is nil where there is none.
func (c *Core) fits(d, old *scim.Document) error {
	const what = "%s would have %d %s when it is stored, and the limit is %d."
	size, before := len(d.JSON()), 0
	if old != nil {
		if before = len(old.JSON()); deactivates(d, old) {
			before += len(`,"active":false`) // who takes access away must not fail on that
		}
	}
	if limit := c.config.DocumentBytes; size > limit && size > before {
		return fault.New(fault.InvalidValue, what, d.Type().Name, size, "bytes", limit)
	}
	limit := c.config.Limits.MaxValues()
	if size/2 <= limit { // a value has a letter, and something that separates it from the next
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

// deactivates says whether a document is of a user that is not active, in place of one that was.
func deactivates(d, old *scim.Document) bool {
	active, said := d.Bool("active")
	was, saidBefore := old.Bool("active")
	return said && !active && (was || !saidBefore)
}
