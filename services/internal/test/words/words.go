// Package words finds sentences that are hard to read for somebody whose first language is not English. Tests check the texts with it that
// users of Usher read: the comments of the protos, which are the API's documentation, the help of the command line, and errors.
package words

import (
	"fmt"
	"regexp"
	"strings"
)

// banned are patterns of text that nobody should have to read, each with what to write in its place.
var banned = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`^(Who|Which|Whoever|Whichever|Whatever|Whom|Whose)\b`), "name the subject of the sentence"},
	{regexp.MustCompile(`^What (is|was|are|were|has|can|they|it|the)\b`), "name the subject of the sentence"},
	{regexp.MustCompile(`^(Why|When|Since when|How|How many|Which way|Where to|Whom)\.$`), "write a whole noun phrase or sentence"},
	{regexp.MustCompile(`^(Why|Since when|Which way|How many|How often|Until when)\b`), "begin with a noun: the reason, the time, the number"},
	{regexp.MustCompile(`\bof (which|whom)\b|\b(for|by|to|from) whom\b`), "write two sentences"},
	{regexp.MustCompile(`(?i)\b(whoever|whichever|whatsoever|afresh|thereof|therein|whence|hence|thus|heed|ought|shall|lest)\b`), "use an everyday word"},
	{regexp.MustCompile(`(?i)\bby (a )?hand\b|\bA hand\b`), "say manually"},
	{regexp.MustCompile(`(?i)\b(that|which|who) (is|are) (not )?there\b`), "say existing or missing"},
	{regexp.MustCompile(`(?i)\b(is|are) the operator's\b`), "say what the operator does"},
	{regexp.MustCompile(`(?i)\blets? go of\b|\bcomes? to (naught|nothing)\b|\bseen to\b`), "use the plain verb"},
}

// sentence ends one, but not within an abbreviation or a number.
var sentence = regexp.MustCompile(`([.:!?])\s+`)

// Problems lists what is hard to read in a text. Code between backquotes and quotes is not looked at.
func Problems(text string) []string {
	var problems []string
	text = regexp.MustCompile("`[^`]*`|\"[^\"]*\"").ReplaceAllString(text, "X")
	for _, s := range strings.Split(sentence.ReplaceAllString(text, "$1\n"), "\n") {
		s = strings.TrimSpace(s)
		for _, b := range banned {
			if found := b.pattern.FindString(s); found != "" {
				problems = append(problems, fmt.Sprintf("%q in %q: %s", found, s, b.instead))
			}
		}
	}
	return problems
}
