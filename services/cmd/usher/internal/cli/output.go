package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// print writes an answer: as JSON, or as a table of its resources, whose columns are field paths such as "group.display_name".
func (c *client) print(out io.Writer, message proto.Message, columns string) error {
	if c.output == "json" {
		return printJSON(out, message)
	}
	if columns == "" {
		return nil
	}
	paths := strings.Fields(columns)
	rows := [][]string{}
	for _, resource := range resources(message.ProtoReflect()) {
		var row []string
		for _, path := range paths {
			row = append(row, cell(resource, strings.Split(path, ".")))
		}
		rows = append(rows, row)
	}
	var head []string
	for _, path := range paths {
		head = append(head, strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(path, "_", " "), ".", " ")))
	}
	return printTable(out, head, rows)
}

func printTable(out io.Writer, head []string, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// printJSON writes an answer with all its fields, always with the same indentation.
func printJSON(out io.Writer, message proto.Message) error {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return err
	}
	indented.WriteByte('\n')
	_, err = indented.WriteTo(out)
	return err
}

// resources returns the resources of an answer: its one list, or its one resource, or the answer itself.
func resources(m protoreflect.Message) []protoreflect.Message {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.IsList() && field.Message() != nil {
			var all []protoreflect.Message
			list := m.Get(field).List()
			for j := range list.Len() {
				all = append(all, list.Get(j).Message())
			}
			return all
		}
	}
	if fields.Len() == 1 && fields.Get(0).Message() != nil {
		if !m.Has(fields.Get(0)) {
			return nil
		}
		return []protoreflect.Message{m.Get(fields.Get(0)).Message()}
	}
	return []protoreflect.Message{m}
}

// cell returns the text of a field.
func cell(m protoreflect.Message, path []string) string {
	field := m.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	if field == nil {
		return ""
	}
	switch {
	case field.IsList():
		var all []string
		list := m.Get(field).List()
		for i := range list.Len() {
			switch {
			case field.Message() != nil:
				all = append(all, cell(list.Get(i).Message(), path[1:]))
			case field.Enum() != nil:
				all = append(all, enumName(field.Enum(), list.Get(i).Enum()))
			default:
				all = append(all, list.Get(i).String())
			}
		}
		return strings.Join(all, ",")
	case field.Message() != nil:
		if !m.Has(field) {
			return ""
		}
		switch value := m.Get(field).Message().Interface().(type) {
		case *timestamppb.Timestamp:
			return timeText(value)
		case *durationpb.Duration:
			return value.AsDuration().Round(100 * time.Millisecond).String()
		}
		if len(path) == 1 {
			return ""
		}
		return cell(m.Get(field).Message(), path[1:])
	case field.Enum() != nil:
		return enumName(field.Enum(), m.Get(field).Enum())
	default:
		return m.Get(field).String()
	}
}

// timeText returns the text of a time; empty if it is unset.
func timeText(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339)
}

// enumName returns the name of a value in lower case, without the prefix of its type; empty if this binary does not know the value.
func enumName(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	value := enum.Values().ByNumber(number)
	if value == nil {
		return ""
	}
	unspecified := string(enum.Values().Get(0).Name())
	return strings.ToLower(strings.TrimPrefix(string(value.Name()), strings.TrimSuffix(unspecified, "UNSPECIFIED")))
}
