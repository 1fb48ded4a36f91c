package main

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// reasonEnum is the enum of error reasons.
const reasonEnum protoreflect.FullName = "usher.common.v1.ErrorReason"

// describeErrors adds the schemas of Usher's error answers: a google.rpc.Status with its details.
func (g *generator) describeErrors(reasons protoreflect.EnumDescriptor) {
	reason := &schema{Type: "string", Description: g.comment(reasons)}
	for i := range reasons.Values().Len() {
		value := reasons.Values().Get(i)
		if value.Number() == 0 {
			continue
		}
		name := shortReason(value)
		reason.Enum = append(reason.Enum, name)
		reason.Description += "\n\n- `" + name + "`: " + g.comment(value)
		if status := g.httpStatus(value); status != "" {
			reason.Description += " HTTP status " + status + "."
		}
	}
	text := func(description string) *schema { return &schema{Type: "string", Description: description} }
	typed := func(name, description string, properties map[string]*schema) *schema {
		properties["@type"] = &schema{Type: "string", Const: "type.googleapis.com/google.rpc." + name}
		s := &schema{Type: "object", Description: description, Properties: properties}
		for property := range properties {
			s.Required = append(s.Required, property)
		}
		slices.Sort(s.Required)
		return s
	}
	for name, s := range map[string]*schema{
		"ErrorReason": reason,
		"Error": {
			Type: "object", Description: "The reason why Usher refused a request. The first detail is always an ErrorInfo.",
			Required: []string{"code", "message", "details"},
			Properties: map[string]*schema{
				"code":    {Type: "integer", Format: "int32", Description: "The gRPC status code."},
				"message": text("A description of the error for people. It can change."),
				"details": {Type: "array", Items: &schema{AnyOf: []*schema{refTo("ErrorInfo"), refTo("BadRequest"), refTo("RetryInfo")}}},
			},
		},
		"ErrorInfo": typed("ErrorInfo", "The reason, for programs.", map[string]*schema{
			"reason":   refTo("ErrorReason"),
			"domain":   {Type: "string", Const: "usher"},
			"metadata": {Type: "object", Description: "More facts about the failure. The operation or the reason describes them.", AdditionalProperties: &schema{Type: "string"}},
		}),
		"BadRequest": typed("BadRequest", "The fields and parameters of the request that break the contract.", map[string]*schema{
			"fieldViolations": {Type: "array", Items: &schema{
				Type: "object", Required: []string{"field", "description", "reason", "localizedMessage"},
				Properties: map[string]*schema{
					"field":            text("The parameter, or the path of the field, for example `rule.grants[0].roleId`. If the body is a resource, the path begins with the kind of the resource, for example `rule`."),
					"description":      text("A description of the error for people."),
					"reason":           text("Always empty."),
					"localizedMessage": {Type: "null", Description: "Always null."},
				},
			}},
		}),
		"RetryInfo": typed("RetryInfo", "The time after which a new try can succeed.", map[string]*schema{
			"retryDelay": {Type: "string", Pattern: `^[0-9]+(\.[0-9]+)?s$`, Description: "The time to wait in seconds, for example `1s`."},
		}),
	} {
		if source, ok := g.sources[name]; ok {
			g.problems = append(g.problems, string(source)+": its schema has the name "+name+", as a part of errors has")
		}
		g.schemas[name] = s
	}
}

func shortReason(value protoreflect.EnumValueDescriptor) string {
	return strings.TrimPrefix(string(value.Name()), "ERROR_REASON_")
}

// httpStatus returns the HTTP status of a reason, or an empty string if the contract does not define one.
func (g *generator) httpStatus(value protoreflect.EnumValueDescriptor) string {
	reason := g.option(value, "usher.common.v1.reason")
	if !reason.IsValid() {
		return ""
	}
	message := reason.Message()
	field := message.Descriptor().Fields().ByName("http_status")
	if field == nil || !message.Has(field) {
		return ""
	}
	return message.Get(field).String()
}
