package scimhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// parameters are the supported query parameters of SCIM (RFC 7644 §3.4.2, §3.9, RFC 9865 §2). Others are ignored.
type parameters struct {
	projection *identityv1.Projection
	query      *identityv1.ListQuery
}

// parseParameters parses a query string. An error names the parameter that is wrong.
func parseParameters(raw string) (parameters, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return parameters{}, invalidValue("The query string of the address is not valid: its characters must be percent-encoded.")
	}
	one := func(name string) (string, bool, error) {
		given := values[name]
		switch {
		case len(given) == 0:
			return "", false, nil
		case len(given) > 1:
			return "", false, invalidValue(fmt.Sprintf("The parameter %s is given %d times; it can be given once.", name, len(given)))
		case !utf8.ValidString(given[0]):
			return "", false, invalidValue(fmt.Sprintf("The parameter %s is not valid UTF-8.", name))
		}
		return given[0], true, nil
	}
	number := func(name string) (int64, bool, error) {
		text, given, err := one(name)
		if err != nil || !given {
			return 0, false, err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return n, true, nil // the nearest number: as good as any other beyond the last page
		case err != nil:
			return 0, false, invalidValue(fmt.Sprintf("The parameter %s must be a whole number.", name))
		}
		return n, true, nil
	}
	cursor, byCursor, errCursor := one("cursor")
	p := parameters{projection: &identityv1.Projection{}, query: &identityv1.ListQuery{}}
	attributes, _, errA := one("attributes")
	excluded, _, errE := one("excludedAttributes")
	filter, _, errF := one("filter")
	sortBy, _, errB := one("sortBy")
	sortOrder, _, errO := one("sortOrder")
	start, _, errS := number("startIndex")
	count, counted, errC := number("count")
	if errC != nil && byCursor {
		errC = fault.New(fault.InvalidCount, "The parameter count must be one whole number.")
	}
	if err := firstOf(errA, errE, errF, errB, errO, errS, errCursor, errC); err != nil {
		return parameters{}, err
	}
	if byCursor {
		if values.Has("startIndex") {
			return parameters{}, twoWaysToPage()
		}
		p.query.Cursor = &cursor
	}
	p.projection.Attributes, p.projection.ExcludedAttributes = scim.SplitNames(attributes), scim.SplitNames(excluded)
	p.query.Filter, p.query.SortBy, p.query.SortOrder, p.query.StartIndex = filter, sortBy, sortOrder, start
	if counted {
		p.query.Count = &count
	}
	countOnly(p.query)
	return p, nil
}

// countOnly turns a query by cursor for no resources into one by index, because it asks only for the total (RFC 9865 §2). A list that
// continues has the count of its first page.
func countOnly(q *identityv1.ListQuery) {
	if q.Cursor != nil && q.GetCursor() == "" && q.Count != nil && q.GetCount() <= 0 {
		q.Cursor = nil
	}
}

func twoWaysToPage() error {
	return invalidValue("startIndex and cursor are two ways to page: send one of them.")
}

// firstOf returns the first error, because a client corrects one problem at a time.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// nameList is a list of attribute names. It can also be one string, as in an address: the SCIM SDK for Java sends this.
type nameList []string

func (l *nameList) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		for _, element := range elements(text, scim.MaxNames+1) { // more are refused, and need not be parsed
			var name string
			if err := json.Unmarshal(element, &name); err != nil {
				return err
			}
			*l = append(*l, name)
		}
		return nil
	}
	var list string
	err := json.Unmarshal(text, &list)
	*l = scim.SplitNames(list)
	return err
}

// parseSearch parses the body of a .search (RFC 7644 §3.4.3).
func parseSearch(body []byte) (parameters, error) {
	var search struct {
		Attributes         nameList `json:"attributes"`
		ExcludedAttributes nameList `json:"excludedAttributes"`
		Filter             string   `json:"filter"`
		SortBy             string   `json:"sortBy"`
		SortOrder          string   `json:"sortOrder"`
		StartIndex         *int64   `json:"startIndex"`
		Count              *int64   `json:"count"`
		Cursor             *string  `json:"cursor"`
	}
	if err := json.Unmarshal(body, &search); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return parameters{}, invalidValue(fmt.Sprintf("%s has the wrong type for a SearchRequest.", wrong.Field))
		}
		return parameters{}, invalidSyntax("The body is not a JSON object that is a SearchRequest.")
	}
	p := parameters{
		projection: &identityv1.Projection{Attributes: search.Attributes, ExcludedAttributes: search.ExcludedAttributes},
		query: &identityv1.ListQuery{
			Filter: search.Filter, SortBy: search.SortBy, SortOrder: search.SortOrder, Count: search.Count, Cursor: search.Cursor,
		},
	}
	if search.StartIndex != nil {
		if search.Cursor != nil {
			return parameters{}, twoWaysToPage()
		}
		p.query.StartIndex = *search.StartIndex
	}
	countOnly(p.query)
	return p, nil
}
