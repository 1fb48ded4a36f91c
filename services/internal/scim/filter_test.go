package scim

import (
	"strings"
	"testing"
	"time"
)

func TestFiltersAreParsedAndFormatted(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a comparison", `userName eq "bjensen"`, `userName eq "bjensen"`},
		{"operators in any case", `userName EQ "a" AnD title PR OR NOT (active Eq TRUE)`, `userName eq "a" and title pr or not (active eq true)`},
		{"every operator", `a eq 1 and a ne 1 and a co 1 and a sw 1 and a ew 1 and a gt 1 and a ge 1 and a lt 1 and a le 1 and a pr`,
			`a eq 1 and a ne 1 and a co 1 and a sw 1 and a ew 1 and a gt 1 and a ge 1 and a lt 1 and a le 1 and a pr`},
		{"every kind of value", `a eq "x" or a eq -1.5e3 or a eq true or a eq false or a eq null`, `a eq "x" or a eq -1.5e3 or a eq true or a eq false or a eq null`},
		{"escapes in strings", `a eq "\"\\\u0041\u00e9\n\/"`, `a eq "\"\\Aé\n/"`},
		{"a string of operators and brackets", `a eq "b) or (c eq ]"`, `a eq "b) or (c eq ]"`},
		{"and binds closer than or", `a pr or b pr and c pr`, `a pr or b pr and c pr`},
		{"groups that matter stay", `(a pr or b pr) and c pr`, `(a pr or b pr) and c pr`},
		{"groups that don't matter go", `((a pr) and (b pr)) and (c pr)`, `a pr and b pr and c pr`},
		{"not without a space", `not(a pr)`, `not (a pr)`},
		{"more spaces than needed", `  a   eq  "x"   and ( b  pr )  `, `a eq "x" and b pr`},
		{"a value path", `emails[type eq "work" and value co "@example.com"]`, `emails[type eq "work" and value co "@example.com"]`},
		{"a value path within a filter", `userType eq "x" and (emails[type eq "work"] or ims[not (type pr)])`, `userType eq "x" and (emails[type eq "work"] or ims[not (type pr)])`},
		{"a sub-attribute of a value path", `emails[type eq "work"].value eq "x"`, `emails[type eq "work" and value eq "x"]`},
		{"a sub-attribute of a value path that has an or", `emails[type eq "work" or primary eq true].value sw "x"`,
			`emails[(type eq "work" or primary eq true) and value sw "x"]`},
		{"a sub-attribute of a value path among others", `not (title pr) and emails[type eq "work"].value PR and active eq true`,
			`not (title pr) and emails[type eq "work" and value pr] and active eq true`},
		{"a sub-attribute", `name.familyName co "O'Malley"`, `name.familyName co "O'Malley"`},
		{"a URN with dots and colons", EnterpriseUserSchema + `:manager.value eq "1"`, EnterpriseUserSchema + `:manager.value eq "1"`},
		{"a URN alone", `urn:ietf:params:scim:schemas:core:2.0:User pr`, `urn:ietf:params:scim:schemas:core:2.0:User pr`},
		{"attributes named like operators", `not pr or and eq 1`, ``},
		{"names with digits, hyphens and a dollar", `x509Certificates.value pr and a-b_1 pr and members.$ref pr`, `x509Certificates.value pr and a-b_1 pr and members.$ref pr`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := ParseFilter(c.in, Limits{})
			if c.want == "" {
				requireError(t, err, InvalidFilter)
				return
			}
			requireNoError(t, err)
			requireEqual(t, "spelled", f.String(), c.want)
		})
	}
}

func TestFiltersThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, in string
		offset   int
		says     string
	}{
		{"nothing", ``, 0, "name of an attribute"},
		{"spaces", `   `, 3, "name of an attribute"},
		{"no operator", `userName`, 8, "operator"},
		{"an unknown operator", `userName is "x"`, 9, `"is" is no operator`},
		{"no value", `userName eq`, 11, "value are expected after"},
		{"a value without quotes", `userName eq bob`, 12, "string in double quotes"},
		{"a value in single quotes", `userName eq 'bob'`, 12, "string in double quotes"},
		{"a string that does not end", `userName eq "bob`, 12, "JSON string"},
		{"a wrong escape", `userName eq "\x"`, 12, "JSON string"},
		{"half a surrogate pair", `userName eq "\ud800"`, 12, "JSON string"},
		{"a NUL", `userName eq "\u0000"`, 12, "JSON string"},
		{"invalid UTF-8", "userName eq \"\xff\"", 12, "JSON string"},
		{"a wrong number", `a eq 1.x`, 5, "JSON number"},
		{"a number with a tail", `a eq 12abc`, 5, "JSON number"},
		{"something after the end", `a pr b pr`, 5, "should end here"},
		{"and without more", `a pr and`, 8, "name of an attribute"},
		{"or first", `or a pr`, 3, `"a" is no operator`},
		{"a group that does not end", `(a pr`, 5, "')' is expected"},
		{"a group that does not start", `a pr)`, 4, "should end here"},
		{"an empty group", `()`, 1, "name of an attribute"},
		{"not without parentheses", `not a pr`, 4, "parentheses"},
		{"brackets that do not end", `emails[type pr`, 14, "']' is expected"},
		{"brackets in brackets", `emails[type[value pr]]`, 11, "inside brackets"},
		{"empty brackets", `emails[]`, 7, "name of an attribute"},
		{"a sub-attribute of a value path without an operator", `emails[type pr].value`, 21, "operator"},
		{"a sub-attribute of a value path without a name", `emails[type pr]. eq "x"`, 16, "name of an attribute"},
		{"a sub-attribute of a value path with a dot", `emails[type pr].value.x eq "x"`, 16, "sub-attribute"},
		{"a URN after a value path", `emails[type pr].urn:a:value eq "x"`, 16, "sub-attribute"},
		{"brackets after a value path", `emails[type pr].value[type pr]`, 21, "operator"},
		{"too many comparisons with one after brackets", strings.Repeat("a pr or ", 63) + "a[b pr].c pr", 63*8 + 8, "more than 64"},
		{"two dots", `a.b.c pr`, 0, "not the name"},
		{"a dot last", `a. pr`, 0, "not the name"},
		{"a digit first", `1a pr`, 0, "not the name"},
		{"a colon without a URN", `a:b pr`, 0, "not the name"},
		{"a character that is in no name", `a*b pr`, 1, "operator"},
		{"a tab for a space", "a\tpr", 1, "space"},
		{"a hundred thousand parentheses", strings.Repeat("(", 100_000), 8192, "longer than 8192"},
		{"eight thousand parentheses", strings.Repeat("(", 8000), 32, "deeper than 32"},
		{"a thousand negations", strings.Repeat("not (", 1000), 32*5 + 4, "deeper than 32"},
		{"too many comparisons", strings.Repeat("a pr or ", 64) + "a pr", 64 * 8, "more than 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseFilter(c.in, Limits{})
			e := requireError(t, err, InvalidFilter)
			if !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
			if e.Offset != c.offset {
				t.Errorf("offset %d, want %d: %s", e.Offset, c.offset, e.Detail)
			}
		})
	}
}

func TestFilterDepthIsLimitedForAnyLength(t *testing.T) {
	_, err := ParseFilter(strings.Repeat("(", 100_000), Limits{FilterBytes: 1 << 20})
	requireEqual(t, "offset", requireError(t, err, InvalidFilter).Offset, 32)
	_, err = ParseFilter(strings.Repeat("not(", 100_000), Limits{FilterBytes: 1 << 20, FilterDepth: 1000})
	requireError(t, err, InvalidFilter)
	deep := strings.Repeat("(", 32) + "a pr" + strings.Repeat(")", 32)
	_, err = ParseFilter(deep, Limits{})
	requireNoError(t, err)
}

func TestUses(t *testing.T) {
	f, err := ParseFilter(`userName eq "x" and (not (Groups.value eq "g") or emails[members pr])`, Limits{})
	requireNoError(t, err)
	for attr, want := range map[string]bool{"groups": true, "userName": true, "emails": true, "members": false, "title": false} {
		requireEqual(t, attr, f.Uses(attr), want)
	}
}

func TestCheckFilter(t *testing.T) {
	for _, c := range []struct{ name, in, says string }{
		{"strings", `userName gt "a" and name.familyName co "x" and emails.value sw "y"`, ""},
		{"booleans", `active eq true and emails[primary ne false]`, ""},
		{"booleans as strings", `active eq "True"`, ""},
		{"times", `meta.lastModified gt "2011-05-13T04:42:34Z" and meta.created le "2026-01-01T00:00:00+02:00"`, ""},
		{"null", `title eq null or title ne null`, ""},
		{"presence of anything", `name pr and emails pr and ` + EnterpriseUserSchema + ` pr`, ""},
		{"a complex attribute with a value", `emails co "x" and ` + EnterpriseUserSchema + `:manager eq "1"`, ""},
		{"common attributes", `id eq "1" and externalId pr and schemas eq "` + UserSchema + `" and meta.version eq "x"`, ""},
		{"groups", `groups.value eq "g"`, ""},
		{"an unknown attribute", `userName eq "x" and zip eq "y"`, `no attribute "zip"`},
		{"an unknown sub-attribute", `name.zip eq "y"`, `"name.zip"`},
		{"an unknown attribute in brackets", `emails[zip eq "y"]`, `emails has no sub-attribute "zip"`},
		{"a path in brackets", `emails[emails.type eq "y"]`, `no sub-attribute`},
		{"a sub-attribute of a value path", `emails[type eq "work"].value co "y" and emails[type pr].primary eq true`, ""},
		{"an unknown sub-attribute after brackets", `emails[type eq "work"].zip eq "y"`, `emails has no sub-attribute "zip"`},
		{"a boolean after brackets that is ordered", `emails[type eq "work"].primary gt true`, "emails.primary is a boolean"},
		{"an unknown attribute before brackets", `zips[value eq "y"]`, `no attribute "zips"`},
		{"brackets after a string", `userName[value eq "y"]`, `no sub-attributes that could stand`},
		{"brackets after a sub-attribute", `name.givenName[value eq "y"]`, `no sub-attributes`},
		{"a boolean that is ordered", `active gt true`, "active is a boolean"},
		{"a boolean that contains", `emails[primary co "t"]`, "emails.primary is a boolean"},
		{"a boolean and a word", `active eq "yes"`, "compare it with true or false"},
		{"a binary that is ordered", `x509Certificates.value lt "x"`, "no order"},
		{"a string and a number", `userName eq 7`, "string in double quotes"},
		{"a time and a word", `meta.created gt "yesterday"`, "is a time"},
		{"a time and a number", `meta.created gt 7`, "is a time"},
		{"null that is ordered", `title gt null`, "null can be compared by eq"},
		{"a complex attribute without a value", `name eq "x"`, "name is complex"},
		{"a whole extension", EnterpriseUserSchema + ` eq "x"`, "is complex"},
		{"the password", `password eq "x"`, "never returned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := ParseFilter(c.in, Limits{})
			requireNoError(t, err)
			err = UserType().CheckFilter(f)
			if c.says == "" {
				requireNoError(t, err)
				return
			}
			if e := requireError(t, err, InvalidFilter); !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
		})
	}
	f, err := ParseFilter(`title pr and zip pr`, Limits{})
	requireNoError(t, err)
	requireEqual(t, "offset", requireError(t, UserType().CheckFilter(f), InvalidFilter).Offset, 13)
	requireError(t, GroupType().CheckFilter(f), InvalidFilter)
}

func TestAUserWithoutActiveIsActive(t *testing.T) {
	silent, inactive := user(t, `{"userName":"a"}`), user(t, `{"userName":"b","active":false}`)
	for filter, want := range map[string][2]bool{
		`active eq true`: {true, false}, `active ne true`: {false, true}, `active eq false`: {false, true}, `active eq "True"`: {true, false},
		`active pr`: {false, true}, `active eq null`: {true, false}, `not (active eq true)`: {false, true},
	} {
		f, err := ParseFilter(filter, Limits{})
		requireNoError(t, err)
		for i, d := range []*Document{silent, inactive} {
			requireEqual(t, filter+" of "+string(d.JSON()), f.Match(UserType(), d, Envelope{}), want[i])
		}
	}
}

func TestMatch(t *testing.T) {
	d := user(t, `{"externalId":"Ext-1","userName":"BJensen","name":{"familyName":"Jensen","givenName":"Barbara"},"active":true,"title":"Straße","locale":"","addresses":[{"locality":"","type":""}],
		"emails":[{"value":"b@Work.example","type":"work","primary":true},{"value":"b@home.example","type":"home"}],
		"photos":[{"value":"https://P/1"}],"`+EnterpriseUserSchema+`":{"department":"Tours","manager":{"value":"M1"}}}`)
	created := time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
	e := Envelope{ID: "2819c223", BaseURL: "https://h/scim/v2/d", Created: created, LastModified: created.Add(time.Hour), Version: 3,
		Groups: []GroupRef{{ID: "g1", Display: "Guides", Direct: true}, {ID: "g2"}}}
	for _, c := range []struct {
		name, filter string
		want         bool
	}{
		{"a caseExact false attribute in another case", `userName eq "bjENSEN"`, true},
		{"an empty string is not present", `locale pr`, false},
		{"a complex value of empty strings is not present", `addresses pr`, false},
		{"nor is any in brackets", `addresses[locality pr or type pr]`, false},
		{"an empty string is there to compare with", `locale eq ""`, true},
		{"folding beyond ASCII", `title eq "STRAẞE"`, true},
		{"a caseExact attribute as it is", `externalId eq "Ext-1"`, true},
		{"a caseExact attribute in another case", `externalId eq "ext-1"`, false},
		{"an id", `id eq "2819c223"`, true},
		{"an id in another case", `id eq "2819C223"`, false},
		{"a reference is case exact", `photos.value eq "https://p/1"`, false},
		{"a manager's id is case exact", EnterpriseUserSchema + `:manager eq "m1"`, false},
		{"a manager by its value", EnterpriseUserSchema + `:manager eq "M1"`, true},
		{"ne of an equal value", `userName ne "bjensen"`, false},
		{"ne of an unassigned attribute", `nickName ne "x"`, true},
		{"eq of an unassigned attribute", `nickName eq "x"`, false},
		{"co", `name.familyName co "ENS"`, true},
		{"sw", `name.familyName sw "jen"`, true},
		{"ew", `name.familyName ew "SEN"`, true},
		{"ew of the beginning", `name.familyName ew "jen"`, false},
		{"order of strings", `userName gt "adams" and userName lt "Carter" and userName ge "bjensen" and userName le "BJENSEN"`, true},
		{"order of strings the other way", `userName lt "adams" or userName gt "carter"`, false},
		{"a boolean", `active eq true`, true},
		{"a boolean as a string", `active eq "True"`, true},
		{"another boolean", `active ne true`, false},
		{"presence", `title pr and emails pr and name pr and id pr and meta pr and meta.created pr and schemas pr and groups pr and ` + EnterpriseUserSchema + ` pr`, true},
		{"presence of what is unassigned", `nickName pr or photos.type pr or roles pr`, false},
		{"some value of a multi-valued attribute", `emails.value eq "B@home.EXAMPLE"`, true},
		{"no value of a multi-valued attribute", `emails.value eq "x"`, false},
		{"ne is true for some value", `emails.type ne "work"`, true},
		{"ne is true for no value", `emails[type eq "home"] and not (emails.value ne "b@home.example")`, false},
		{"a multi-valued attribute by its value", `emails co "@work"`, true},
		{"a value path on one value", `emails[type eq "work" and value sw "b@work"]`, true},
		{"a value path on no one value", `emails[type eq "home" and value sw "b@work"]`, false},
		{"a sub-attribute of a value path", `emails[type eq "work"].value eq "B@work.example"`, true},
		{"a sub-attribute of another value", `emails[type eq "home"].value eq "b@work.example"`, false},
		{"a sub-attribute of a value path by co, sw and ew", `emails[type eq "work"].value co "@work" and emails[type eq "work"].value sw "b@" and emails[type eq "work"].value ew ".example"`, true},
		{"a sub-attribute of a value path by ne", `emails[type eq "work"].value ne "x"`, true},
		{"ne of the only value that the brackets match", `emails[type eq "work"].value ne "b@work.example"`, false},
		{"ne where the brackets match nothing", `emails[type eq "other"].value ne "x"`, false},
		{"presence after brackets", `emails[type eq "work"].primary pr`, true},
		{"presence after brackets of what is unassigned", `emails[type eq "home"].primary pr`, false},
		{"a value that does not say that it is primary", `emails[type eq "home" and primary eq false] and emails.primary ne true`, true},
		{"a value that says that it is primary", `emails[type eq "work" and primary eq false]`, false},
		{"primary where there is no value", `ims.primary eq false or ims[primary eq false]`, false},
		{"primary and null", `emails[type eq "home" and primary eq null]`, true},
		{"a sub-attribute of a value path that has an or", `emails[type eq "other" or type eq "home"].value sw "b@home"`, true},
		{"two comparisons on two values", `emails.type eq "home" and emails.value sw "b@work"`, true},
		{"a value path with or, not and pr", `emails[not (type pr) or primary eq true]`, true},
		{"a value path on an unassigned attribute", `ims[not (type pr)]`, false},
		{"null and an unassigned attribute", `nickName eq null`, true},
		{"null and an assigned attribute", `userName eq null`, false},
		{"not null", `userName ne null`, true},
		{"an extension", EnterpriseUserSchema + `:department sw "tour"`, true},
		{"schemas", `schemas eq "` + EnterpriseUserSchema + `"`, true},
		{"schemas of another", `schemas eq "` + GroupSchema + `"`, false},
		{"a time as a time, not as text", `meta.created eq "2026-01-31T11:00:00.123Z"`, true},
		{"a time in another zone", `meta.created eq "2026-01-31T16:00:00.123+05:00"`, true},
		{"order of times", `meta.created lt "2026-01-31T12:00:00Z" and meta.lastModified gt "2026-01-31T12:00:00Z"`, true},
		{"a time as text", `meta.created sw "2026-01"`, true},
		{"the version", `meta.version eq "W/\"3\""`, true},
		{"the location", `meta.location ew "/Users/2819c223"`, true},
		{"groups by value", `groups.value eq "g1"`, true},
		{"groups by a value path", `groups[type eq "direct" and display eq "guides"]`, true},
		{"groups by what they are not", `groups.value eq "g9"`, false},
		{"negation", `not (userName eq "x")`, true},
		{"precedence", `userName eq "x" and active eq true or title pr`, true},
		{"grouping", `userName eq "x" and (active eq true or title pr)`, false},
		{"an attribute there isn't", `zip eq "x" or zip pr or zips[value pr]`, false},
		{"a comparison that CheckFilter refuses", `active gt false or userName eq 7 or name eq "x" or ` + EnterpriseUserSchema + ` eq ""`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := ParseFilter(c.filter, Limits{})
			requireNoError(t, err)
			requireEqual(t, c.filter, f.Match(UserType(), d, e), c.want)
			again, err := ParseFilter(f.String(), Limits{})
			requireNoError(t, err)
			requireEqual(t, f.String(), again.Match(UserType(), d, e), c.want)
		})
	}
	t.Run("members of a group", func(t *testing.T) {
		g := group(t, `{"displayName":"g"}`)
		f, err := ParseFilter(`members[value eq "b" and type eq "user"]`, Limits{})
		requireNoError(t, err)
		requireEqual(t, "with the member", f.Match(GroupType(), g, Envelope{Members: []Member{{Value: "a"}, {Value: "b", Type: "User"}}}), true)
		requireEqual(t, "without", f.Match(GroupType(), g, Envelope{}), false)
	})
}
