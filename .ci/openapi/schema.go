package main

import (
	"cmp"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// side selects one of up to three schemas of a message, because its JSON can differ.
type side int

const (
	// output is the JSON that Usher sends. It includes fields without a value, except members of a oneof and `optional` fields.
	output side = iota
	// input is the JSON that Usher accepts. Only the fields that the rules require are required, and fields without a description are not
	// allowed.
	input
	// change is the resource in an update, in which no field is required.
	change
)

// message returns a reference to the schema of a message, and creates the schema when it is first needed.
func (g *generator) message(m protoreflect.MessageDescriptor, s side) *schema {
	name := g.schemaName(m, s)
	if made, ok := g.schemas[name]; !ok {
		g.schemas[name] = &schema{} // a message may refer to itself
		g.sources[name] = m.FullName()
		*g.schemas[name] = *g.object(m, s, nil)
	} else if g.sources[name] != m.FullName() {
		g.problem(m, "its schema has the name %s, as that of %s has: %v", name, g.sources[name], made.Description)
	}
	return refTo(name)
}

// schemaName returns the message's own name, with its package if two described messages have the same name. If Usher also sends the
// message, the schema of what clients send has another name.
func (g *generator) schemaName(m protoreflect.MessageDescriptor, s side) string {
	name := string(m.Name())
	if g.described[m.Name()] > 1 {
		name = string(m.FullName())
	}
	switch {
	case s == change:
		return name + "Patch"
	case s == input && g.sent[m.FullName()]:
		return name + "Input"
	default:
		return name
	}
}

// object describes a message, without the fields that are elsewhere in the request, such as in the path.
func (g *generator) object(m protoreflect.MessageDescriptor, s side, elsewhere map[protoreflect.Name]bool) *schema {
	described := &schema{Type: "object", Description: g.comment(m)}
	if s == change {
		described.Description += " In a change, fields that are left out stay as they are."
	}
	if s != output {
		described.AdditionalProperties = false
	}
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		if elsewhere[field.Name()] {
			continue
		}
		if described.Properties == nil {
			described.Properties = map[string]*schema{}
		}
		described.Properties[field.JSONName()] = g.field(field, s)
		if s == output && alwaysSent(field) || s == input && demanded(field) {
			described.Required = append(described.Required, field.JSONName())
		}
	}
	for i := range m.Oneofs().Len() {
		if oneof := m.Oneofs().Get(i); !oneof.IsSynthetic() {
			described.OneOf = oneOf(oneof, s)
		}
	}
	return described
}

// oneOf says that at most one field of a oneof is present or, if the rules require it, exactly one.
func oneOf(oneof protoreflect.OneofDescriptor, s side) []*schema {
	var each []*schema
	for i := range oneof.Fields().Len() {
		each = append(each, &schema{Required: []string{oneof.Fields().Get(i).JSONName()}})
	}
	rules, _ := proto.GetExtension(oneof.Options(), validate.E_Oneof).(*validate.OneofRules)
	if s == change || !rules.GetRequired() {
		return append(slices.Clone(each), &schema{Not: &schema{AnyOf: each}})
	}
	return each
}

// alwaysSent reports whether a field is in the JSON that Usher sends even if it has no value.
func alwaysSent(f protoreflect.FieldDescriptor) bool { return f.ContainingOneof() == nil }

// mayBeNull reports whether Usher sends null for a field, which is a message that is not set. The comment of such a field says so.
func (g *generator) mayBeNull(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && !f.IsList() && !f.IsMap() && alwaysSent(f) && unset.MatchString(g.comment(f))
}

var unset = regexp.MustCompile(`(?i)\b(unset|not set)\b`)

// demanded reports whether a request must contain a field.
func demanded(f protoreflect.FieldDescriptor) bool {
	if has(f, annotations.FieldBehavior_OUTPUT_ONLY) || rulesOf(f).GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return false
	}
	if rulesOf(f).GetRequired() || has(f, annotations.FieldBehavior_REQUIRED) {
		return true
	}
	return !f.HasPresence() && !mayBeZero(f) && refusesZero(f)
}

// mayBeZero reports whether a request may leave out a field although its rules refuse the zero value. It may not leave out an id that
// clients choose: its rules ignore the zero value only because an update need not contain the id.
func mayBeZero(f protoreflect.FieldDescriptor) bool {
	chosen := f.Name() == "id" && has(f, annotations.FieldBehavior_IMMUTABLE)
	return rulesOf(f).GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE && !chosen
}

// refusesZero reports whether the rules of a field refuse its zero value.
func refusesZero(f protoreflect.FieldDescriptor) bool {
	rules := rulesOf(f)
	if f.IsList() {
		return rules.GetRepeated().GetMinItems() > 0
	}
	switch f.Kind() {
	case protoreflect.StringKind:
		text := rules.GetString()
		return text.GetMinLen() > 0 || text.GetUuid() || text.GetPattern() != "" && !regexp.MustCompile(text.GetPattern()).MatchString("")
	case protoreflect.EnumKind:
		return slices.Contains(rules.GetEnum().GetNotIn(), 0)
	default:
		least, most := bounds(f)
		return least != nil && *least > 0 || most != nil && *most < 0
	}
}

// field describes a field of an object. A request may contain null for a field that it may leave out; both mean the same.
func (g *generator) field(f protoreflect.FieldDescriptor, s side) *schema {
	described := g.values(f, s)
	inOneof := f.ContainingOneof() != nil && !f.ContainingOneof().IsSynthetic()
	if s == output && g.mayBeNull(f) || s != output && !inOneof && (s == change || !demanded(f)) {
		described = orNull(described)
	}
	described.Description = strings.TrimSpace(described.Description + " " + g.comment(f))
	described.ReadOnly = has(f, annotations.FieldBehavior_OUTPUT_ONLY) || s == change && has(f, annotations.FieldBehavior_IMMUTABLE)
	return described
}

// values describes the value of a field: one value, or a list or map of values.
func (g *generator) values(f protoreflect.FieldDescriptor, s side) *schema {
	rules := rulesOf(f)
	switch {
	case f.IsMap():
		return &schema{Type: "object", AdditionalProperties: g.value(f.MapValue(), rules.GetMap().GetValues(), s)}
	case f.IsList():
		list := cmp.Or(rules.GetRepeated(), &validate.RepeatedRules{})
		described := &schema{
			Type: "array", Items: g.value(f, list.GetItems(), s), MinItems: list.GetMinItems(), MaxItems: list.MaxItems, UniqueItems: list.GetUnique(),
		}
		if s == change {
			described.MinItems = 0 // an empty list is the same as a missing one
		}
		return described
	default:
		return g.value(f, rules, s)
	}
}

func orNull(s *schema) *schema {
	if name, ok := s.Type.(string); ok && len(s.Enum) == 0 {
		s.Type = []string{name, "null"}
		return s
	}
	return &schema{AnyOf: []*schema{s, {Type: "null"}}}
}

// value describes one value of a field: its only one, or one of a list or map.
func (g *generator) value(f protoreflect.FieldDescriptor, rules *validate.FieldRules, s side) *schema {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.StringKind:
		return g.text(f, rules)
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		least, most := bounds(f)
		return &schema{Type: "integer", Format: f.Kind().String(), Minimum: least, Maximum: most}
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return &schema{Type: "string", Format: f.Kind().String(), Pattern: "^-?[0-9]{1,20}$"}
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return &schema{Type: "number", Format: f.Kind().String()}
	case protoreflect.BytesKind:
		return &schema{Type: "string", Format: "byte"}
	case protoreflect.EnumKind:
		return g.enum(f.Enum(), rules)
	case protoreflect.MessageKind:
		if known := wellKnown(f.Message()); known != nil {
			return known
		}
		if s == change {
			s = input
		}
		return g.message(f.Message(), s)
	default:
		g.problem(f, "a field of kind %s can't be described", f.Kind())
		return &schema{}
	}
}

func (g *generator) text(f protoreflect.FieldDescriptor, rules *validate.FieldRules) *schema {
	r := cmp.Or(rules.GetString(), &validate.StringRules{})
	described := &schema{Type: "string", Pattern: g.ecma(f, r.GetPattern()), MinLength: r.GetMinLen(), MaxLength: r.MaxLen}
	if r.GetUuid() {
		described.Format = "uuid"
	}
	if !f.IsList() && mayBeZero(f) {
		return &schema{AnyOf: []*schema{described, {Type: "string", MaxLength: new(uint64)}}}
	}
	return described
}

// ecma returns a regular expression that ECMA-262 and Python read in the same way. They differ on Unicode classes such as \pZ, so it
// replaces these by their characters.
func (g *generator) ecma(f protoreflect.FieldDescriptor, pattern string) string {
	return class.ReplaceAllStringFunc(pattern, func(of string) string {
		if !strings.Contains(of, `\p`) && !strings.Contains(of, `\P`) {
			return of
		}
		parsed, err := syntax.Parse(of, syntax.Perl)
		if err != nil || parsed.Op != syntax.OpCharClass {
			g.problem(f, "its pattern has %s, which can't be described", of)
			return of
		}
		var text strings.Builder
		for i := 0; i < len(parsed.Rune); i += 2 {
			text.WriteString(character(parsed.Rune[i]) + "-" + character(parsed.Rune[i+1]))
		}
		return "[" + text.String() + "]"
	})
}

// class matches a character class in a pattern.
var class = regexp.MustCompile(`\[(?:[^\]\\]|\\.)*\]|\\[pP](?:\{\w+\}|\w)`)

// character returns a character of a class in a form that every language reads in the same way. A half of a UTF-16 surrogate pair, which is
// not a character, is replaced by its neighbor.
func character(r rune) string {
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r)
	case r == 0xd800:
		return string(rune(0xd7ff))
	case r == 0xdfff:
		return string(rune(0xe000))
	default:
		return string(r)
	}
}

// bounds returns the least and the greatest value that the rules allow for an integer field.
func bounds(f protoreflect.FieldDescriptor) (least, most *int64) {
	var rules protoreflect.Message
	switch f.Kind() {
	case protoreflect.Int32Kind:
		rules = rulesOf(f).GetInt32().ProtoReflect()
	case protoreflect.Int64Kind:
		rules = rulesOf(f).GetInt64().ProtoReflect()
	default:
		return nil, nil
	}
	bound := func(name protoreflect.Name, beyond int64) *int64 {
		field := rules.Descriptor().Fields().ByName(name)
		if !rules.Has(field) {
			return nil
		}
		value := rules.Get(field).Int() + beyond
		return &value
	}
	if least = bound("gte", 0); least == nil {
		least = bound("gt", 1)
	}
	if most = bound("lte", 0); most == nil {
		most = bound("lt", -1)
	}
	return least, most
}

// enum describes an enum by the names of its values, except those that the rules refuse.
func (g *generator) enum(e protoreflect.EnumDescriptor, rules *validate.FieldRules) *schema {
	refused := rules.GetEnum().GetNotIn()
	described := &schema{Type: "string", Description: g.comment(e)}
	for i := range e.Values().Len() {
		value := e.Values().Get(i)
		if slices.Contains(refused, int32(value.Number())) {
			continue
		}
		described.Enum = append(described.Enum, string(value.Name()))
		described.Description += "\n\n- `" + string(value.Name()) + "`: " + g.comment(value)
	}
	if len(refused) > 0 {
		return described
	}
	name := string(e.Name())
	if source, ok := g.sources[name]; ok && source != e.FullName() {
		g.problem(e, "its schema has the name %s, as that of %s has", name, source)
	}
	g.schemas[name], g.sources[name] = described, e.FullName()
	return refTo(name)
}

// wellKnown describes the messages whose JSON is not an object of their fields. It returns nil for any other message.
func wellKnown(m protoreflect.MessageDescriptor) *schema {
	switch m.FullName() {
	case "google.protobuf.Timestamp":
		return &schema{Type: "string", Format: "date-time"}
	case "google.protobuf.Duration":
		return &schema{Type: "string", Pattern: `^-?[0-9]{1,12}(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return &schema{Type: "string"}
	case "google.protobuf.Struct":
		return &schema{Type: "object", AdditionalProperties: true}
	default:
		return nil
	}
}

func rulesOf(f protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(f.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

func has(f protoreflect.FieldDescriptor, behavior annotations.FieldBehavior) bool {
	behaviors, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(behaviors, behavior)
}
