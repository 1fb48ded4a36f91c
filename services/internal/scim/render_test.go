package scim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const renderedUser = `{"externalId":"7","userName":"bjensen","name":{"familyName":"Jensen","givenName":"Barbara"},` +
	`"emails":[{"value":"a","type":"work"},{"value":"b"}],"` + EnterpriseUserSchema + `":{"department":"d","manager":{"value":"m"}}}`

var (
	renderedEnvelope = Envelope{
		ID: "u1", BaseURL: "https://h/scim/v2/d", Version: 7,
		Created: time.Date(2026, 1, 31, 12, 0, 0, 0, time.FixedZone("", 3600)), LastModified: time.Date(2026, 2, 1, 0, 0, 0, 5_000_000, time.UTC),
	}
	renderedGroups  = []GroupRef{{ID: "g1", Display: `The "A" team`, Direct: true}, {ID: "g2"}}
	renderedMembers = []Member{{Value: "u1", Type: "User", Display: "Babs"}, {Value: "g2", Type: "Group"}, {Value: "x"}}
)

const (
	userMeta = `"meta":{"resourceType":"User","created":"2026-01-31T11:00:00.000Z","lastModified":"2026-02-01T00:00:00.005Z",` +
		`"location":"https://h/scim/v2/d/Users/u1","version":"W/\"7\""}`
	userGroups = `"groups":[{"value":"g1","$ref":"https://h/scim/v2/d/Groups/g1","display":"The \"A\" team","type":"direct"},` +
		`{"value":"g2","$ref":"https://h/scim/v2/d/Groups/g2","type":"indirect"}]`
)

func TestRenderUser(t *testing.T) {
	got, err := UserType().RenderUser([]byte("before "), user(t, renderedUser).JSON(), renderedEnvelope, renderedGroups, Projection{})
	requireNoError(t, err)
	requireEqual(t, "rendered", string(got), `before {"schemas":["`+UserSchema+`","`+EnterpriseUserSchema+`"],"id":"u1",`+
		renderedUser[1:len(renderedUser)-1]+`,`+userGroups+`,`+userMeta+`}`)
	got, err = UserType().RenderUser(nil, user(t, `{"userName":"a"}`).JSON(), Envelope{ID: "u"}, nil, Projection{})
	requireNoError(t, err)
	requireEqual(t, "with the least", string(got), `{"schemas":["`+UserSchema+`"],"id":"u","userName":"a","meta":{"resourceType":"User","version":"W/\"0\""}}`)
}

func TestRenderGroup(t *testing.T) {
	got, err := GroupType().RenderGroup(nil, group(t, `{"displayName":"g"}`).JSON(), renderedEnvelope, renderedMembers, Projection{})
	requireNoError(t, err)
	requireEqual(t, "rendered", string(got), `{"schemas":["`+GroupSchema+`"],"id":"u1","displayName":"g","members":[`+
		`{"value":"u1","$ref":"https://h/scim/v2/d/Users/u1","type":"User","display":"Babs"},`+
		`{"value":"g2","$ref":"https://h/scim/v2/d/Groups/g2","type":"Group"},{"value":"x"}],`+
		`"meta":{"resourceType":"Group","created":"2026-01-31T11:00:00.000Z","lastModified":"2026-02-01T00:00:00.005Z",`+
		`"location":"https://h/scim/v2/d/Groups/u1","version":"W/\"7\""}}`)
}

func TestRenderRefusesWhatIsNotCanonical(t *testing.T) {
	for _, canonical := range []string{``, `{}`, `[]`, `{"userName":"a"}`, `{"schemas":["x"`} {
		if _, err := UserType().RenderUser(nil, []byte(canonical), Envelope{}, nil, Projection{}); err == nil {
			t.Errorf("%q was rendered", canonical)
		}
	}
}

func TestProjection(t *testing.T) {
	const always = `"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"id":"u1"`
	const enterprise = `"` + EnterpriseUserSchema + `":{"department":"d","manager":{"value":"m"}}`
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
		want                 string
	}{
		{"attributes name what is returned", []string{"userName", "Emails"}, nil,
			`{` + always + `,"userName":"bjensen","emails":[{"value":"a","type":"work"},{"value":"b"}]}`},
		{"names separated by commas", []string{"userName, externalId"}, nil, `{` + always + `,"externalId":"7","userName":"bjensen"}`},
		{"a sub-attribute", []string{"name.givenName"}, nil, `{` + always + `,"name":{"givenName":"Barbara"}}`},
		{"a sub-attribute of each value", []string{"emails.type"}, nil, `{` + always + `,"emails":[{"type":"work"}]}`},
		{"two sub-attributes", []string{"emails.type,emails.value"}, nil, `{` + always + `,"emails":[{"value":"a","type":"work"},{"value":"b"}]}`},
		{"an attribute and one of its sub-attributes", []string{"name,name.givenName"}, nil, `{` + always + `,"name":{"familyName":"Jensen","givenName":"Barbara"}}`},
		{"an attribute by the core schema's URN", []string{UserSchema + ":userName"}, nil, `{` + always + `,"userName":"bjensen"}`},
		{"an extension", []string{EnterpriseUserSchema}, nil, `{` + always + `,` + enterprise + `}`},
		{"an attribute of an extension", []string{EnterpriseUserSchema + ":department"}, nil, `{` + always + `,"` + EnterpriseUserSchema + `":{"department":"d"}}`},
		{"a sub-attribute in an extension", []string{EnterpriseUserSchema + ":manager.value"}, nil, `{` + always + `,"` + EnterpriseUserSchema + `":{"manager":{"value":"m"}}}`},
		{"groups", []string{"groups"}, nil, `{` + always + `,` + userGroups + `}`},
		{"a part of groups and of meta", []string{"groups.value", "meta.version"}, nil, `{` + always + `,"groups":[{"value":"g1"},{"value":"g2"}],"meta":{"version":"W/\"7\""}}`},
		{"attributes there aren't", []string{"zip", "urn:acme:x"}, nil, `{` + always + `}`},
		{"a password, which is never returned", []string{"password"}, nil, `{` + always + `}`},
		{"excluded attributes are left out", nil, []string{"emails,name.familyName", "groups", "meta", EnterpriseUserSchema + ":manager"},
			`{` + always + `,"externalId":"7","userName":"bjensen","name":{"givenName":"Barbara"},"` + EnterpriseUserSchema + `":{"department":"d"}}`},
		{"an excluded extension", nil, []string{EnterpriseUserSchema, "emails", "name", "groups", "meta"}, `{` + always + `,"externalId":"7","userName":"bjensen"}`},
		{"what is always returned can't be excluded", nil, []string{"id", "schemas", "emails", "name", "externalId", "groups", "meta", EnterpriseUserSchema}, `{` + always + `,"userName":"bjensen"}`},
		{"nothing excluded but what isn't there", nil, []string{"zip"},
			`{` + always + `,` + renderedUser[1:len(renderedUser)-1] + `,` + userGroups + `,` + userMeta + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParseProjection(c.attributes, c.excluded)
			requireNoError(t, err)
			got, err := UserType().RenderUser(nil, user(t, renderedUser).JSON(), renderedEnvelope, renderedGroups, p)
			requireNoError(t, err)
			requireSameJSON(t, string(got), c.want)
		})
	}
	t.Run("members of a group", func(t *testing.T) {
		p, err := ParseProjection([]string{"members.value"}, nil)
		requireNoError(t, err)
		got, err := GroupType().RenderGroup(nil, group(t, `{"displayName":"g"}`).JSON(), renderedEnvelope, renderedMembers, p)
		requireNoError(t, err)
		requireEqual(t, "rendered", string(got), `{"schemas":["`+GroupSchema+`"],"id":"u1","members":[{"value":"u1"},{"value":"g2"},{"value":"x"}]}`)
	})
}

func TestProjectedAndSplicedAgree(t *testing.T) {
	// A projection that asks for everything uses the parsed document; its result is the same resource.
	all := []string{"zip"}
	p, err := ParseProjection(nil, all)
	requireNoError(t, err)
	canonical := group(t, `{"displayName":"g\n","externalId":"1"}`).JSON()
	spliced, err := GroupType().RenderGroup(nil, canonical, renderedEnvelope, renderedMembers, Projection{})
	requireNoError(t, err)
	projected, err := GroupType().RenderGroup(nil, canonical, renderedEnvelope, renderedMembers, p)
	requireNoError(t, err)
	requireSameJSON(t, string(projected), string(spliced))
}

func TestParseProjectionRefuses(t *testing.T) {
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
	}{
		{"both parameters", []string{"a"}, []string{"b"}},
		{"what is no name", []string{`emails type`}, nil},
		{"a filter that is none", []string{`emails[type]`}, nil},
		{"a filter that is not closed", []string{`emails[type eq "x"`}, nil},
		{"a filter without a name", []string{`[type eq "x"]`}, nil},
		{"what is no excluded name", nil, []string{"a b"}},
		{"an excluded name with a filter", nil, []string{`emails[type eq "x"]`}},
		{"very many names", make([]string, 0), manyNames(201)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseProjection(c.attributes, c.excluded)
			requireError(t, err, InvalidValue)
		})
	}
	p, err := ParseProjection([]string{"", " , "}, nil)
	requireNoError(t, err)
	requireEqual(t, "empty parameters ask for the default", p.IsDefault(), true)
}

// A filter after a requested name is skipped in tolerant mode, and refused in strict mode.
func TestAFilterAmongAttributesIsSkipped(t *testing.T) {
	canonical := user(t, renderedUser).JSON()
	for asked, plain := range map[string]string{
		`emails[type eq "work"]`:                                `emails`,
		`userName,emails[type eq "a, ] \" b"].value,externalId`: `userName,emails.value,externalId`,
		` emails[type eq "work" and value co ","] , name`:       `emails,name`,
		UserSchema + `:emails[primary eq true]`:                 `emails`,
	} {
		got, err := ParseProjection([]string{asked}, nil)
		requireNoError(t, err)
		want, err := ParseProjection([]string{plain}, nil)
		requireNoError(t, err)
		quirks, err := want.Quirks(Strict)
		requireNoError(t, err)
		requireEqual(t, "quirks of "+plain, quirks, nil)
		quirks, err = got.Quirks(Tolerant)
		requireNoError(t, err)
		requireEqual(t, "quirks of "+asked, quirks, []string{QuirkFilterInAttributes})
		_, err = got.Quirks(Strict)
		if e := requireError(t, err, InvalidValue); strings.Contains(e.Detail, "eq") {
			t.Errorf("the detail tells a filter: %s", e.Detail)
		}
		requireEqual(t, asked+" includes emails", got.Includes("emails"), true)
		requireEqual(t, asked, string(must(UserType().RenderUser(nil, canonical, renderedEnvelope, nil, got))),
			string(must(UserType().RenderUser(nil, canonical, renderedEnvelope, nil, want))))
	}
	requireEqual(t, "names", SplitNames(`a, b[c eq "x,\"],"],,d[e,f`), []string{"a", `b[c eq "x,\"],"]`, "d[e,f"})
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "a"
	}
	return names
}

func TestIncludes(t *testing.T) {
	for _, c := range []struct {
		name                 string
		attributes, excluded []string
		attr                 string
		want                 bool
	}{
		{"everything by default", nil, nil, "members", true},
		{"what is asked for", []string{"displayName,Members"}, nil, "members", true},
		{"a part of what is asked for", []string{"members.value"}, nil, "members", true},
		{"what is asked for by URN", []string{GroupSchema + ":members"}, nil, "members", true},
		{"what is not asked for", []string{"displayName"}, nil, "members", false},
		{"an extension's attribute of the same name", []string{"urn:acme:Group:members"}, nil, "members", false},
		{"what is excluded", nil, []string{"MEMBERS"}, "members", false},
		{"what is excluded in part", nil, []string{"members.display"}, "members", true},
		{"what is not excluded", nil, []string{"meta"}, "members", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParseProjection(c.attributes, c.excluded)
			requireNoError(t, err)
			requireEqual(t, "included", p.Includes(c.attr), c.want)
		})
	}
}

func TestETag(t *testing.T) {
	requireEqual(t, "tag", ETag(7), `W/"7"`)
}

func TestRenderedTextIsJSONForAnyStoredValue(t *testing.T) {
	e := Envelope{ID: "\"\xff", BaseURL: "https://h/\\\xff"}
	got, err := GroupType().RenderGroup(nil, group(t, `{"displayName":"g"}`).JSON(), e, []Member{{Value: "\x00\xff", Type: "User", Display: "\u2028\""}}, Projection{})
	requireNoError(t, err)
	if !json.Valid(got) {
		t.Fatalf("%q", got)
	}
}
