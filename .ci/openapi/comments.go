package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// comment returns the comment of a descriptor as Markdown: paragraphs without line breaks, and fields by their JSON names.
func (g *generator) comment(d protoreflect.Descriptor) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(strings.TrimSpace(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments), "\n\n") {
		paragraphs = append(paragraphs, strings.Join(strings.Fields(paragraph), " "))
	}
	return snakeCase.ReplaceAllStringFunc(strings.Join(paragraphs, "\n\n"), func(word string) string {
		if name, ok := g.jsonNames[word]; ok {
			return name
		}
		return word
	})
}

var snakeCase = regexp.MustCompile(`\b[a-z0-9]+(_[a-z0-9]+)+\b`)

// withoutSubject turns "CreateRule adds a rule.", the comment of CreateRule, into "Adds a rule."
func withoutSubject(comment string, d protoreflect.Descriptor) string {
	rest, ok := strings.CutPrefix(comment, string(d.Name())+" ")
	if !ok {
		return comment
	}
	first, size := utf8.DecodeRuneInString(rest)
	return string(unicode.ToUpper(first)) + rest[size:]
}

// firstSentence returns a text up to its first full stop, without it.
func firstSentence(text string) string {
	if end := sentenceEnd.FindStringIndex(text); end != nil {
		return text[:end[0]]
	}
	return strings.TrimSuffix(text, ".")
}

var sentenceEnd = regexp.MustCompile(`\.\s`)

// reasonsIn returns the reasons that a comment lists, such as "Reasons: NOT_FOUND (a role or a tenant), LIMIT."
func reasonsIn(comment string) []string {
	_, list, found := strings.Cut(comment, "Reasons:")
	if !found {
		return nil
	}
	return reasonName.FindAllString(parenthesis.ReplaceAllString(list, ""), -1)
}

var (
	parenthesis = regexp.MustCompile(`\([^)]*\)`)
	reasonName  = regexp.MustCompile(`\b[A-Z]+(_[A-Z]+)*\b`)
)
