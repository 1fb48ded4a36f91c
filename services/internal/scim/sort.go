package scim

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// Sort is an order of the resources of a type (RFC 7644 §3.4.2.3).
type Sort struct {
	t          *ResourceType
	to         target
	leaf       *Attribute
	Descending bool
}

// ParseSort parses the parameters sortBy and sortOrder. Without sortBy there is no order, and the Sort is nil. A complex
// attribute is sorted by its "value". Errors are invalidValue.
func (t *ResourceType) ParseSort(by, order string) (*Sort, error) {
	if by = strings.TrimSpace(by); by == "" {
		return nil, nil //nolint:nilnil // no order is no error
	}
	s := &Sort{t: t}
	p, ok := splitAttrPath(by)
	if ok {
		s.to, ok = t.resolve(p)
	}
	if !ok || s.to.attr == nil || s.to.attr.Returned == ReturnedNever {
		return nil, newError(InvalidValue, "sortBy", "sortBy is %s, and %s has no attribute of that name to sort by.", shown(by), t.Name)
	}
	if s.leaf = s.to.leaf(); s.to.sub == nil && s.leaf.Type == TypeComplex {
		s.to.sub = s.leaf.inValue
		if s.leaf = s.to.sub; s.leaf == nil {
			return nil, newError(InvalidValue, "sortBy", "sortBy is %s, which is complex: name one of its sub-attributes.", shown(by))
		}
	}
	if s.leaf.Type == TypeBinary || s.leaf.Type == TypeComplex {
		return nil, newError(InvalidValue, "sortBy", "sortBy is %s, whose values have no order.", shown(by))
	}
	switch order = strings.TrimSpace(order); {
	case order == "", sameName(order, "ascending"):
	case sameName(order, "descending"):
		s.Descending = true
	default:
		return nil, newError(InvalidValue, "sortOrder", "sortOrder must be ascending or descending.")
	}
	return s, nil
}

// Attribute is the path of the attribute to sort by, in the schema's spelling.
func (s *Sort) Attribute() string { return s.leaf.path }

// Uses reports whether the order is by a top-level attribute or a part of it.
func (s *Sort) Uses(attr string) bool { return s.to.ext == nil && s.to.attr.Name == attr }

// String returns the order in canonical form.
func (s *Sort) String() string {
	if s.Descending {
		return s.leaf.path + " descending"
	}
	return s.leaf.path + " ascending"
}

// SortKey is the key of a resource for sorting. The zero value is the key of a resource without a value.
type SortKey struct {
	text    string
	present bool
}

func (k SortKey) missing() int {
	if k.present {
		return 0
	}
	return 1
}

// mostSortKey bounds the bytes of a key, because sorting keeps many keys in memory.
const mostSortKey = 1024

// Key returns a resource's key: of several values the primary one, otherwise the first one. members and groups are taken
// from m, as with Match.
func (s *Sort) Key(doc *Document, m Envelope) SortKey {
	v := (&matcher{t: s.t, doc: doc, envelope: m}).find(s.to)
	if v == nil {
		return SortKey{}
	}
	if v.kind == kindArray {
		items := v.items
		if len(items) == 0 {
			return SortKey{}
		}
		v = &items[0]
		for i := range items {
			if s.to.attr.inPrimary == nil {
				break
			}
			if p := items[i].find(s.to.attr.inPrimary); p != nil && p.truth {
				v = &items[i]
				break
			}
		}
	}
	if s.to.sub != nil {
		if v = v.find(s.to.sub); v == nil {
			return SortKey{}
		}
	}
	key := SortKey{text: v.text, present: true}
	switch {
	case s.leaf.Type == TypeBoolean:
		key.text = map[bool]string{false: "0", true: "1"}[v.truth]
	case s.leaf.Type == TypeDateTime:
		if at, err := parseDateTime(v.text); err == nil {
			key.text = at.UTC().Format(sortedTime)
		}
	case !s.leaf.CaseExact:
		key.text = Casefold(v.text)
	}
	if len(key.text) > mostSortKey {
		key.text = key.text[:cutAt(key.text, mostSortKey)]
	}
	key.text = strings.Clone(key.text) // a clone does not keep the rest of the document in memory
	return key
}

// sortedTime formats times so that their texts sort like the times.
const sortedTime = "2006-01-02T15:04:05.000000000Z"

// cutAt returns the last position up to n at which a text may be cut.
func cutAt(text string, n int) int {
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// Compare compares two keys. Resources without a value come last. A descending order reverses everything.
func (s *Sort) Compare(a, b SortKey) int {
	sign := 0
	switch {
	case !a.present || !b.present:
		sign = a.missing() - b.missing()
	case s.leaf.Type == TypeInteger || s.leaf.Type == TypeDecimal:
		sign = compareNumbers(a.text, b.text)
	default:
		sign = cmp.Compare(a.text, b.text)
	}
	if s.Descending {
		return -sign
	}
	return sign
}
