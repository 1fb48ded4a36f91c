package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

type generator struct {
	files     *protoregistry.Files
	types     *dynamicpb.Types
	jsonNames map[string]string              // of all fields, by their names in the protos
	described map[protoreflect.Name]int      // how many described messages have a name
	sent      map[protoreflect.FullName]bool // the messages that Usher sends
	schemas   map[string]*schema
	sources   map[string]protoreflect.FullName // the message that each schema describes
	document  *document
	problems  []string
}

// about is the introduction of the document.
const about = "The operator, admins and the vendor's services use this API over HTTP. It has the same RPCs as the public gRPC API, with " +
	"JSON as protobuf defines it.\n\n" +
	"Names of fields and parameters are in camelCase. A response contains all fields of a message, including those without a value: " +
	"an empty string, `0`, `false`, an empty list, or `null` for a time that is unset. 64-bit integers are strings. A request can leave " +
	"out a field that is not required, or have `null` for it. Usher refuses unknown parameters and unknown fields of a body.\n\n" +
	"A list has pages. To read the next page, send the `nextPageToken` of this page as `pageToken`, with the same other parameters. " +
	"It is empty on the last page."

// describe creates the document for the named files.
func describe(files *protoregistry.Files, names []string) (*document, error) {
	g := &generator{
		files: files, types: dynamicpb.NewTypes(files), jsonNames: map[string]string{}, described: map[protoreflect.Name]int{},
		sent: map[protoreflect.FullName]bool{}, schemas: map[string]*schema{}, sources: map[string]protoreflect.FullName{},
		document: &document{
			OpenAPI: "3.1.0",
			Info: info{
				Title: "Usher admin API", Version: "v1", Description: about,
				License: map[string]string{"name": "Apache License 2.0", "identifier": "Apache-2.0"},
			},
			Servers:  []server{{URL: "/", Description: "The admin listener, which also serves this document."}},
			Security: []map[string][]string{{"bearer": {}}, {"session": {}, "csrfToken": {}}},
			Paths:    map[string]map[string]*operation{},
		},
	}
	var methods []protoreflect.MethodDescriptor
	for _, name := range names {
		file, err := files.FindFileByPath(name)
		if err != nil {
			return nil, err
		}
		g.readNames(file.Messages())
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				if method := file.Services().Get(i).Methods().Get(j); httpRule(method) != nil {
					methods = append(methods, method)
				}
			}
		}
	}
	g.survey(methods)
	for _, method := range methods {
		g.describeMethod(method)
	}
	reasons, err := files.FindDescriptorByName(reasonEnum)
	if err != nil {
		return nil, err
	}
	g.describeErrors(reasons.(protoreflect.EnumDescriptor))
	g.document.Components = components{
		Schemas: g.schemas,
		SecuritySchemes: map[string]securityScheme{
			"bearer": {
				Type: "http", Scheme: "bearer",
				Description: "A token of the operator, the secret of a service credential, or an access token of an identity provider.",
			},
			"session": {
				Type: "apiKey", In: "cookie", Name: "__Host-usher",
				Description: "The session of a person who has signed in with a browser. Without TLS, the name of the cookie is usher.",
			},
			"csrfToken": {
				Type: "apiKey", In: "header", Name: "Usher-Csrf-Token",
				Description: "With a session, each request but GET and HEAD needs the csrfToken that GET /session answers.",
			},
		},
	}
	if len(g.problems) > 0 {
		return nil, errors.New(strings.Join(g.problems, "\n"))
	}
	return g.document, nil
}

func (g *generator) problem(d protoreflect.Descriptor, format string, args ...any) {
	g.problems = append(g.problems, string(d.FullName())+": "+fmt.Sprintf(format, args...))
}

func (g *generator) readNames(messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		fields := messages.Get(i).Fields()
		for j := range fields.Len() {
			g.jsonNames[string(fields.Get(j).Name())] = fields.Get(j).JSONName()
		}
		g.readNames(messages.Get(i).Messages())
	}
}

// survey finds the messages to describe, and those of them that Usher sends.
func (g *generator) survey(methods []protoreflect.MethodDescriptor) {
	all := map[protoreflect.FullName]bool{}
	var walk func(m protoreflect.MessageDescriptor, found map[protoreflect.FullName]bool)
	walk = func(m protoreflect.MessageDescriptor, found map[protoreflect.FullName]bool) {
		if found[m.FullName()] || wellKnown(m) != nil {
			return
		}
		found[m.FullName()] = true
		if !all[m.FullName()] {
			all[m.FullName()] = true
			g.described[m.Name()]++
		}
		for i := range m.Fields().Len() {
			if of := m.Fields().Get(i).Message(); of != nil {
				walk(of, found)
			}
		}
	}
	taken := map[protoreflect.FullName]bool{}
	for _, method := range methods {
		walk(method.Output(), g.sent)
		walk(method.Input(), taken)
	}
}

func (g *generator) describeMethod(method protoreflect.MethodDescriptor) {
	rule := httpRule(method)
	verb, path := address(rule)
	if len(rule.GetAdditionalBindings()) > 0 || rule.GetResponseBody() != "" || method.IsStreamingClient() {
		g.problem(method, "it has more addresses than one, a body of its response, or a stream of requests, which can't be described")
	}
	comment := withoutSubject(g.comment(method), method)
	described := &operation{
		OperationID: string(method.Name()), Tags: []string{g.tag(method.Parent())}, Summary: firstSentence(comment), Description: comment,
	}
	inPath := map[protoreflect.Name]bool{}
	fields := method.Input().Fields()
	for _, part := range strings.Split(path, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		field := fields.ByName(protoreflect.Name(name))
		if field == nil {
			g.problem(method, "its address names %s, which its request does not have", name)
			return
		}
		inPath[field.Name()] = true
		path = strings.Replace(path, "{"+name+"}", "{"+field.JSONName()+"}", 1)
		described.Parameters = append(described.Parameters, g.parameter(field, "path"))
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		if rule.GetBody() != "*" && !inPath[field.Name()] && string(field.Name()) != rule.GetBody() {
			described.Parameters = append(described.Parameters, g.parameter(field, "query"))
		}
	}
	described.RequestBody = g.requestBody(method, rule, inPath)
	described.Responses = g.responses(method, comment)
	if g.document.Paths[path] == nil {
		g.document.Paths[path] = map[string]*operation{}
	}
	if other := g.document.Paths[path][verb]; other != nil {
		g.problem(method, "it has the address of %s", other.OperationID)
	}
	g.document.Paths[path][verb] = described
}

func (g *generator) parameter(f protoreflect.FieldDescriptor, in string) *parameter {
	if f.Message() != nil && wellKnown(f.Message()) == nil || f.IsMap() {
		g.problem(f, "a message can't be a parameter")
		return nil
	}
	s := g.values(f, input)
	p := &parameter{Name: f.JSONName(), In: in, Description: g.comment(f), Required: in == "path" || demanded(f), Schema: s}
	if f.Message() != nil && f.Message().FullName() == "google.protobuf.FieldMask" {
		p.Description += " A comma-separated list of the names of fields."
	}
	if in == "path" && s.Format == "" && s.MinLength == 0 {
		s.MinLength = 1
	}
	if oneof := f.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		var others []string
		for i := range oneof.Fields().Len() {
			others = append(others, "`"+oneof.Fields().Get(i).JSONName()+"`")
		}
		p.Description += " A request has exactly one of " + strings.Join(others, ", ") + "."
	}
	return p
}

// requestBody describes the body of an RPC, or returns nil if it has none.
func (g *generator) requestBody(method protoreflect.MethodDescriptor, rule *annotations.HttpRule, inPath map[protoreflect.Name]bool) *body {
	message, s, description := method.Input(), &schema{}, ""
	switch name := rule.GetBody(); name {
	case "":
		return nil
	case "*":
		if s = g.object(message, input, inPath); len(s.Properties) == 0 {
			return nil
		}
		component := g.schemaName(message, input)
		g.schemas[component], g.sources[component] = s, message.FullName()
		s = refTo(component)
	default:
		field := message.Fields().ByName(protoreflect.Name(name))
		if message, description = field.Message(), g.comment(field); rule.GetPatch() != "" {
			s = g.message(message, change)
		} else {
			s = g.message(message, input)
		}
	}
	described := jsonOf(s)
	if example := g.example(method, message); example != nil {
		described["application/json"] = media{Schema: s, Example: example}
	}
	return &body{Description: description, Required: len(g.resolve(s).Required) > 0, Content: described}
}

// resolve returns the schema of a reference.
func (g *generator) resolve(reference *schema) *schema {
	return g.schemas[strings.TrimPrefix(reference.Ref, refTo("").Ref)]
}

// example returns the example of an RPC's body. A missing one is an error.
func (g *generator) example(method protoreflect.MethodDescriptor, message protoreflect.MessageDescriptor) json.RawMessage {
	text := g.option(method, "usher.common.v1.example")
	if !text.IsValid() {
		g.problem(method, "it has a body, and no example of it: give (usher.common.v1.example)")
		return nil
	}
	into := protojson.UnmarshalOptions{Resolver: g.types}
	if err := into.Unmarshal([]byte(text.String()), dynamicpb.NewMessage(message)); err != nil {
		g.problem(method, "its example is no %s: %v", message.Name(), err)
		return nil
	}
	return json.RawMessage(text.String())
}

// responses describes the answers of an RPC: the HTTP statuses of the reasons that its comment lists, and a default for other errors.
func (g *generator) responses(method protoreflect.MethodDescriptor, comment string) map[string]response {
	result, failure := g.message(method.Output(), output), refTo("Error")
	all := map[string]response{"200": {Description: g.comment(method.Output()), Content: jsonOf(result)}}
	if method.IsStreamingServer() {
		wrapped := func(name string, s *schema) *schema {
			return &schema{Type: "object", Required: []string{name}, Properties: map[string]*schema{name: s}}
		}
		all["200"] = response{
			Description: "A stream of lines. Each line is one JSON object as described here: a `result`, or the `error` that ends the stream. " + g.comment(method.Output()),
			Content:     jsonOf(&schema{OneOf: []*schema{wrapped("result", result), wrapped("error", failure)}}),
		}
		failure = &schema{AnyOf: []*schema{failure, wrapped("error", failure)}}
	}
	reasons := g.reasons(method, comment)
	for status, names := range reasons {
		all[status] = response{Description: "Reasons: " + strings.Join(names, ", ") + ".", Content: jsonOf(failure)}
	}
	all["default"] = response{
		Description: "Any other failure, for example an invalid request or an invalid credential.", Content: jsonOf(failure),
	}
	return all
}

// reasons returns the reasons that an RPC's comment lists, by their HTTP statuses, in the order of the comment.
func (g *generator) reasons(method protoreflect.MethodDescriptor, comment string) map[string][]string {
	byStatus := map[string][]string{}
	enum, err := g.files.FindDescriptorByName(reasonEnum)
	if err != nil {
		return nil
	}
	values := enum.(protoreflect.EnumDescriptor).Values()
	for _, name := range reasonsIn(comment) {
		value := values.ByName("ERROR_REASON_" + protoreflect.Name(name))
		if value == nil {
			continue // another word in capitals
		}
		if status := g.httpStatus(value); status != "" && !slices.Contains(byStatus[status], name) {
			byStatus[status] = append(byStatus[status], name)
		}
	}
	return byStatus
}

func (g *generator) tag(service protoreflect.Descriptor) string {
	name := strings.TrimSuffix(string(service.Name()), "Service")
	if !slices.ContainsFunc(g.document.Tags, func(t tag) bool { return t.Name == name }) {
		g.document.Tags = append(g.document.Tags, tag{Name: name, Description: withoutSubject(g.comment(service), service)})
	}
	return name
}

// option reads an option of this repository's protos, for which this module has no Go code. The result is invalid if the option is not set.
func (g *generator) option(d protoreflect.Descriptor, name protoreflect.FullName) protoreflect.Value {
	extension, err := g.types.FindExtensionByName(name)
	if err != nil {
		return protoreflect.Value{}
	}
	encoded, err := proto.Marshal(d.Options())
	if err != nil {
		g.problem(d, "reading its options: %v", err)
		return protoreflect.Value{}
	}
	options := d.Options().ProtoReflect().New()
	if err := (proto.UnmarshalOptions{Resolver: g.types}).Unmarshal(encoded, options.Interface()); err != nil {
		g.problem(d, "reading its options: %v", err)
		return protoreflect.Value{}
	}
	if !options.Has(extension.TypeDescriptor()) {
		return protoreflect.Value{}
	}
	return options.Get(extension.TypeDescriptor())
}

func httpRule(method protoreflect.MethodDescriptor) *annotations.HttpRule {
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	return rule
}

func address(rule *annotations.HttpRule) (verb, path string) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return "get", p.Get
	case *annotations.HttpRule_Post:
		return "post", p.Post
	case *annotations.HttpRule_Put:
		return "put", p.Put
	case *annotations.HttpRule_Patch:
		return "patch", p.Patch
	case *annotations.HttpRule_Delete:
		return "delete", p.Delete
	default:
		return "", ""
	}
}
