package store

// AppendAccess adds a source of a holder to a list of access. Sources with the same grant must be adjacent. All engines use it.
func AppendAccess(all []Access, userID string, h Holder, s Source) []Access {
	if n := len(all); n == 0 || all[n-1].UserID != userID || all[n-1].Grant != s.Grant {
		all = append(all, Access{UserID: userID, Grant: s.Grant, Unknown: !h.UnknownAsOf.IsZero(), Suspended: h.Suspended})
	}
	last := &all[len(all)-1]
	last.Effective = last.Effective || h.Effective(s)
	last.Kept = last.Effective && !h.Active
	last.Sources = append(last.Sources, s)
	return all
}
