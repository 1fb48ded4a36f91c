package scim

// Mode is how departures of a client from the RFCs are handled.
type Mode int

const (
	// Tolerant understands what identity providers really send. See the Quirk constants.
	Tolerant Mode = iota
	// Strict accepts only what the RFCs allow, and no operations without a path.
	Strict
)

// Options are the settings of a directory for reading its messages. The zero value is tolerant, with the default limits.
type Options struct {
	Mode   Mode
	Limits Limits
}

// Limits bound the work and memory that one message can cause. A field that is zero or negative has its default. The caller
// limits the size of a body.
type Limits struct {
	// BodyDepth is how deep arrays and objects may nest in a body or a PATCH value: 32. The deepest legitimate value,
	// manager in an extension, has depth 3.
	BodyDepth int
	// Operations is how many operations a PATCH may have: 1,000.
	Operations int
	// FilterBytes is the most bytes of a filter or of a PATCH path: 8 KiB.
	FilterBytes int
	// FilterDepth is how deep parentheses, "not" and brackets may nest: 32.
	FilterDepth int
	// FilterTerms is how many comparisons a filter may have: 64.
	FilterTerms int
	// StringBytes is the most bytes of one string, decoded: 256 KiB, for photos and certificates.
	StringBytes int
	// Values is how many values a message may have: objects, arrays and everything in them, known or not: 20,000. The
	// largest legitimate user has some thousands. For members of a group, the limit applies to each member by itself.
	Values int
	// KeyBytes is the most bytes of values that databases index (userName, externalId, displayName, the values that
	// SearchValues lists, member ids): 1,024. PostgreSQL refuses an index entry above some 2,700 bytes, and case folding may
	// lengthen a string by half.
	KeyBytes int
	// ValuesPerAttribute is how many values a multi-valued attribute may have: 1,000. The members of a group are not
	// limited.
	ValuesPerAttribute int
}

// The page sizes of lists, which /ServiceProviderConfig shows (RFC 9865 §4).
const (
	DefaultPageSize = 200
	MaxPageSize     = 1000
)

// MaxValues returns Values, or its default.
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
