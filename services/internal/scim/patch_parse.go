package scim

// patchParser finds the operations of a PatchOp, and the bytes of their values.
type patchParser struct {
	d       decoder // of body
	body    []byte
	strict  bool
	schemas []string
	found   bool // the key Operations was found
	patch   PatchOp
}

func (p *patchParser) member(key string) error {
	switch {
	case sameName(key, "schemas"):
		v, err := p.d.value(2, schemas())
		if err != nil {
			return err
		}
		return p.schemaURNs(v)
	case sameName(key, "Operations"):
		return p.operationList()
	case p.strict:
		return &takerError{newError(InvalidSyntax, pathHead(key), "A PATCH has no %s; it has \"schemas\" and \"Operations\".", shown(key))}
	}
	return p.d.pass(2)
}

// schemas is the attribute that names the type of a body.
func schemas() *Attribute { return UserType().root.sub("schemas") }

func (p *patchParser) schemaURNs(v value) error {
	switch most := p.d.limits.ValuesPerAttribute; {
	case len(v.items) > most:
		return &takerError{newError(InvalidValue, "schemas", "schemas has more than %d values.", most)}
	case v.kind == kindArray || v.isNull():
	case p.strict:
		return &takerError{newError(InvalidSyntax, "schemas", "schemas must be an array of URNs, not %s.", v.kind.withArticle())}
	case v.kind == kindString:
		p.patch.Quirks = addOnce(p.patch.Quirks, QuirkSingleAsArray)
	}
	for _, urn := range values(&v) {
		p.schemas = append(p.schemas, urn.text)
	}
	return nil
}

func (p *patchParser) operationList() error {
	p.found = true
	switch c := p.d.next(); {
	case c == '[':
		return p.d.elements(func() error { return p.operation(3) })
	case c == '{' && p.strict:
		return &takerError{newError(InvalidSyntax, "Operations", "Operations must be an array, also for one operation.")}
	case c == '{':
		p.patch.Quirks = addOnce(p.patch.Quirks, QuirkSingleAsArray)
		return p.operation(2)
	case p.d.word("null"):
		return nil
	}
	return &takerError{newError(InvalidSyntax, "Operations", "Operations must be an array.")}
}

func (p *patchParser) operation(depth int) error {
	if len(p.patch.Operations) == p.d.limits.Operations {
		return &takerError{tooManyOperations(p.d.limits)}
	}
	if p.d.next() != '{' {
		return p.inOperation(newError(InvalidSyntax, "Operations", "It must be an object."))
	}
	var op Operation
	var hasOp bool
	err := p.d.members(depth, func(key string) error {
		switch {
		case sameName(key, "op"):
			hasOp = true
			return p.text(key, &op.Op)
		case sameName(key, "path"):
			if p.d.word("null") {
				return nil
			}
			return p.text(key, &op.Path)
		case sameName(key, "value"):
			start := p.d.pos
			err := p.d.pass(depth + 1)
			op.Value = p.body[start:p.d.pos:p.d.pos]
			return err
		case p.strict:
			return &takerError{newError(InvalidSyntax, pathHead(key), "It has %s, but only \"op\", \"path\" and \"value\" are allowed.", shown(key))}
		}
		return p.d.pass(depth + 1)
	})
	if err == nil && !hasOp {
		err = &takerError{newError(InvalidSyntax, "op", "\"op\" is missing.")}
	}
	if err != nil {
		return p.inOperation(p.d.located(err))
	}
	p.patch.Operations = append(p.patch.Operations, op)
	return nil
}

// inOperation marks an error as complete, so that no key is added to its text.
func (p *patchParser) inOperation(err error) error {
	return &takerError{inOperation(err, len(p.patch.Operations))}
}

func (p *patchParser) text(key string, to *string) error {
	if p.d.next() != '"' {
		return &takerError{newError(InvalidSyntax, key, "%q must be a string.", key)}
	}
	var err error
	*to, err = p.d.string()
	return err
}

// check checks the body as a whole.
func (p *patchParser) check() error {
	if !p.found || p.strict && len(p.patch.Operations) == 0 {
		return newError(InvalidSyntax, "Operations", "A PATCH needs \"Operations\", an array of one or more operations.")
	}
	named, other := false, ""
	for _, urn := range p.schemas {
		switch {
		case sameName(urn, PatchOpSchema):
			named = true
		case begins(urn, messageTypePrefix):
			return notAPatch(urn)
		case begins(urn, scimPrefix) && other == "":
			other = urn
		}
	}
	switch {
	case named:
		return nil // some clients also name the resource's schema
	case p.strict && other != "":
		return notAPatch(other)
	case p.strict:
		return newError(InvalidSyntax, "schemas", "schemas must name %s.", PatchOpSchema)
	}
	// Others name only the resource's schema. The URL and the Operations show that it is a PATCH.
	p.patch.Quirks = addOnce(p.patch.Quirks, QuirkSchemasMissing)
	return nil
}

// Prefixes of SCIM's own URNs, and of the URNs of its message types (RFC 7643 §10.3, RFC 7644 §8.2).
const (
	scimPrefix        = "urn:ietf:params:scim:"
	messageTypePrefix = "urn:ietf:params:scim:api:messages:2.0:"
)

// begins reports whether a URN has a prefix. Like URNs, it ignores case.
func begins(urn, prefix string) bool {
	return len(urn) >= len(prefix) && sameName(urn[:len(prefix)], prefix)
}

// notAPatch refuses a body that says it is another type of message, or a resource.
func notAPatch(urn string) *Error {
	return newError(InvalidValue, "schemas", "schemas names %s, but the body of a PATCH must be a %s.", shown(urn), PatchOpSchema)
}

// members calls each for every key of the object at the position; each parses the value.
func (d *decoder) members(depth int, each func(key string) error) error {
	if err := d.tooDeep(depth); err != nil {
		return err
	}
	start := len(d.fields)
	var seen keySet
	more, err := d.opens('}')
	for more && err == nil {
		var key string
		if key, err = d.newKey(&seen, start); err != nil {
			return err
		}
		if d.values++; d.values > d.limits.Values {
			return d.tooMany()
		}
		d.fields = append(doubled(d.fields, d.more()), field{name: key})
		if err = each(key); err != nil {
			return under(key, err)
		}
		more, err = d.goesOn('}', objectGoesOn)
	}
	d.fields = d.fields[:start]
	return err
}

// elements calls each for every element of the array at the position; each parses the element.
func (d *decoder) elements(each func() error) error {
	more, err := d.opens(']')
	for more && err == nil {
		if err = each(); err == nil {
			more, err = d.goesOn(']', arrayGoesOn)
		}
	}
	return err
}

// pass skips a value. It only finds its end; the contents are checked, and counted, when the value is read.
func (d *decoder) pass(depth int) error {
	end, otherwise := byte('}'), objectGoesOn
	switch d.next() {
	case '"':
		return d.passString()
	case '{':
	case '[':
		end, otherwise = ']', arrayGoesOn
	default:
		_, err := d.literal()
		return err
	}
	if err := d.tooDeep(depth); err != nil {
		return err
	}
	more, err := d.opens(end)
	for more && err == nil {
		if end == '}' {
			if _, err = d.key(); err != nil {
				return err
			}
		}
		if err = d.pass(depth + 1); err == nil {
			more, err = d.goesOn(end, otherwise)
		}
	}
	return err
}

func (d *decoder) passString() error {
	for d.pos++; d.pos < len(d.src); d.pos++ {
		switch d.src[d.pos] {
		case '\\':
			d.pos++
		case '"':
			d.pos++
			return nil
		}
	}
	d.pos = len(d.src)
	return d.syntax("a string has no closing quote")
}
