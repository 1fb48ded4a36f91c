package scim

// Mode says how a client's departures from the RFCs are met.
type Mode int

const (
	// Tolerant reads what identity providers really send. See the Quirk constants.
	Tolerant Mode = iota
	// Strict takes what the RFCs allow and nothing else, and of that no operations without
	// a path.
	Strict
)

// Options are the settings of a directory that change how its messages are read.
// The zero value is tolerant, with the default limits.
type Options struct {
	Mode   Mode
	Limits Limits
}

// Limits bound the work and memory that one message can cause. A field that is zero
// or negative has its default. The size of a body is bounded by who reads it.
type Limits struct {
	// BodyDepth is how deep arrays and objects may nest in a body or a PATCH value:
	// 32. The deepest legitimate one, manager in an extension, has depth 3.
	BodyDepth int
	// Operations is how many operations a PATCH may hold: 1,000.
	Operations int
	// FilterBytes is the length of a filter or of a PATCH path: 8 KiB.
	FilterBytes int
	// FilterDepth is how deep parentheses, "not" and brackets may nest: 32.
	FilterDepth int
	// FilterTerms is how many comparisons a filter may hold: 64.
	FilterTerms int
	// StringBytes is the length of one string, decoded: 256 KiB, for photos and
	// certificates.
	StringBytes int
	// Values is how many values a message may hold, objects and arrays and what is in them, whatever they mean: 20,000. The
	// largest legitimate user has some thousands. Members of a group are not counted, but each by itself.
	Values int
	// KeyBytes is the length of values that databases index (userName, externalId,
	// displayName, the values that SearchValues lists, member ids): 1,024.
	// PostgreSQL refuses an index entry above some 2,700 bytes, and case folding may
	// lengthen a string by half.
	KeyBytes int
	// ValuesPerAttribute is how many values a multi-valued attribute may hold: 1,000.
	// The members of a group are not limited.
	ValuesPerAttribute int
}

// The pages of lists, which /ServiceProviderConfig tells (RFC 9865 §4).
const (
	DefaultPageSize = 200
	MaxPageSize     = 1000
)

// MaxValues is Values, or its default.
func (l Limits) MaxValues() int { return l.withDefaults().Values }

func (l Limits) withDefaults() Limits {
	atLeastOne(&l.BodyDepth, 32)
	atLeastOne(&l.Operations, 1000)
	atLeastOne(&l.FilterBytes, 8<<10)
	atLeastOne(&l.FilterDepth, 32)
	atLeastOne(&l.FilterTerms, 64)
	atLeastOne(&l.StringBytes, 256<<10)
	atLeastOne(&l.Values, 20_000)
	atLeastOne(&l.KeyBytes, 1024)
	atLeastOne(&l.ValuesPerAttribute, 1000)
	return l
}

func atLeastOne(limit *int, byDefault int) {
	if *limit <= 0 {
		*limit = byDefault
	}
}
