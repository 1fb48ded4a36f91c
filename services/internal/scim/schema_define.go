package scim

// These functions define the schemas. The defaults are those of RFC 7643 §2.2: a string, singular, optional, not caseExact,
// readWrite, returned by default, not unique.

type characteristic func(*Attribute)

func define(name, description string, with ...characteristic) *Attribute {
	a := &Attribute{
		Name: name, Description: description, Type: TypeString,
		Mutability: ReadWrite, Returned: ReturnedDefault, Uniqueness: UniqueNone,
	}
	for _, c := range with {
		c(a)
	}
	return a
}

func ofType(t AttributeType) characteristic {
	return func(a *Attribute) {
		a.Type = t
		// RFC 7643 §2.3.6 and §2.3.7: binary values and references are case exact.
		a.CaseExact = a.CaseExact || t == TypeBinary || t == TypeReference
	}
}

func withSubs(subs ...*Attribute) characteristic {
	return func(a *Attribute) { a.Type, a.SubAttributes = TypeComplex, subs }
}

func multi(a *Attribute)     { a.MultiValued = true }
func required(a *Attribute)  { a.Required = true }
func caseExact(a *Attribute) { a.CaseExact = true }
func always(a *Attribute)    { a.Returned = ReturnedAlways }

// indexed marks a value that databases index. See Limits.KeyBytes.
func indexed(a *Attribute) { a.key = true }

// searched marks a multi-valued attribute whose values SearchValues lists.
func searched(a *Attribute) {
	a.search = true
	a.sub("value").key = true
}

func mutability(m AttributeMutability) characteristic {
	return func(a *Attribute) { a.Mutability = m }
}

func unique(u AttributeUniqueness) characteristic {
	return func(a *Attribute) { a.Uniqueness = u }
}

func suggest(values ...string) characteristic {
	return func(a *Attribute) { a.CanonicalValues = values }
}

func refersTo(types ...string) characteristic {
	return func(a *Attribute) {
		ofType(TypeReference)(a)
		a.ReferenceTypes = types
	}
}

// plural adds the sub-attributes of RFC 7643 §2.4 that multi-valued attributes share.
func plural(valueDescription string, types []string, valueIs ...characteristic) characteristic {
	return withSubs(
		define("value", valueDescription, valueIs...),
		define("display", "A human-readable name, primarily used for display purposes."),
		define("type", "A label indicating the attribute's function.", suggest(types...)),
		define("primary", "Whether this is the preferred value. No more than one value is.", ofType(TypeBoolean)),
	)
}

// commonAttributes returns the attributes of RFC 7643 §3 and §3.1. They belong to every resource and to no schema; /Schemas
// lists only externalId. before are in front of the schemas' attributes, after (meta) is behind them. externalIDs is the
// uniqueness of externalId.
func commonAttributes(externalIDs AttributeUniqueness) (before, after []*Attribute) {
	before = []*Attribute{
		define("schemas", "The URNs of the schemas present.", ofType(TypeReference), multi, required, always, mutability(ReadOnly)),
		define("id", "The identifier that Usher gave.", caseExact, always, mutability(ReadOnly), unique(UniqueServer)),
		define("externalId", "The identifier that the client gave.", caseExact, indexed, unique(externalIDs)),
	}
	after = []*Attribute{
		define("meta", "Metadata of the resource.", mutability(ReadOnly), withSubs(
			define("resourceType", "The name of the resource type.", caseExact, mutability(ReadOnly)),
			define("created", "When the resource was added.", ofType(TypeDateTime), mutability(ReadOnly)),
			define("lastModified", "When the resource last changed.", ofType(TypeDateTime), mutability(ReadOnly)),
			define("location", "The URI of the resource.", ofType(TypeReference), mutability(ReadOnly)),
			define("version", "The version of the resource, its entity-tag.", caseExact, mutability(ReadOnly)),
		)),
	}
	return before, after
}
