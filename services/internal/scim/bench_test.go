package scim

import (
	"encoding/json"
	"testing"
	"time"
)

// entraUser has the form and size of Entra ID's users with the attributes that it maps by default: about 2 KB.
const entraUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],` +
	`"externalId":"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef","userName":"barbara.jensen@contoso.example.com","active":"True",` +
	`"displayName":"Barbara Jane Jensen","nickName":"Babs","title":"Vice President of Guided Tours","preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","userType":"Employee",` +
	`"profileUrl":"https://login.contoso.example.com/bjensen",` +
	`"name":{"formatted":"Ms. Barbara J Jensen, III","familyName":"Jensen","givenName":"Barbara","middleName":"Jane","honorificPrefix":"Ms.","honorificSuffix":"III"},` +
	`"emails":[{"type":"work","primary":true,"value":"barbara.jensen@contoso.example.com"},{"type":"home","value":"babs@jensen.example.org"},{"type":"other","value":"guide@tours.example.com"}],` +
	`"phoneNumbers":[{"type":"work","value":"+1 555 555 5555"},{"type":"mobile","value":"+1 555 555 4444"},{"type":"fax","value":"+1 555 555 3333"}],` +
	`"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","formatted":"100 Universal City Plaza\nHollywood, CA 91608 US","primary":true},` +
	`{"type":"home","streetAddress":"456 Hollywood Blvd","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US"}],` +
	`"roles":[{"primary":false,"type":"WindowsAzureActiveDirectoryRole","display":"Designer","value":"Designer"},{"primary":false,"type":"WindowsAzureActiveDirectoryRole","display":"Developer","value":"Developer"}],` +
	`"entitlements":[{"value":"analytics"},{"value":"reporting"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"701984","costCenter":"4130","organization":"Universal Studios","division":"Theme Park","department":"Tour Operations",` +
	`"manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"}}}`

// patchEmail is a PATCH of one attribute in the form of Entra ID.
const patchEmail = `{"schemas":["` + PatchOpSchema + `"],"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@x.example"}]}`

var envelope = Envelope{
	ID: "0198c0de-8d2a-7f8e-bf98-7363c4aed4ef", BaseURL: "https://usher.example.com/scim/v2/0198c0de",
	Created: time.Unix(1780000000, 0), LastModified: time.Unix(1780000000, 0), Version: 7,
}

// BenchmarkCreate is everything that a POST needs of this package: it parses, validates and encodes the body, lists its
// search values, and renders the response.
func BenchmarkCreate(b *testing.B) {
	body := []byte(entraUser)
	b.ReportAllocs()
	for b.Loop() {
		made, err := UserType().New(body, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(made.Document.SearchValues()) == 0 {
			b.Fatal("no search values")
		}
		if _, err := UserType().RenderUser(nil, made.Document.JSON(), envelope, nil, Projection{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPatchStored is everything that a PATCH of one attribute needs of this package, from the body and the stored bytes
// to the response.
func BenchmarkPatchStored(b *testing.B) {
	stored := user(b, entraUser).JSON()
	b.ReportAllocs()
	for b.Loop() {
		ops, err := ParsePatch([]byte(patchEmail), Options{})
		if err != nil {
			b.Fatal(err)
		}
		old, err := ParseStored(UserType(), stored)
		if err != nil {
			b.Fatal(err)
		}
		changed, err := UserType().Patch(old, ops, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(changed.Document.SearchValues()) == 0 {
			b.Fatal("no search values")
		}
		if _, err := UserType().RenderUser(nil, changed.Document.JSON(), envelope, nil, Projection{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNew is the part of a create from the body to the canonical bytes.
func BenchmarkNew(b *testing.B) {
	body := []byte(entraUser)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := UserType().New(body, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnmarshal is the time of encoding/json for the same bytes, for comparison.
func BenchmarkUnmarshal(b *testing.B) {
	body := []byte(entraUser)
	b.ReportAllocs()
	for b.Loop() {
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseStored is the part of a PATCH that parses the stored bytes.
func BenchmarkParseStored(b *testing.B) {
	stored := user(b, entraUser).JSON()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseStored(UserType(), stored); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPatch is the part of a PATCH of one attribute from the body to the canonical bytes.
func BenchmarkPatch(b *testing.B) {
	old := user(b, entraUser)
	body := []byte(patchEmail)
	b.ReportAllocs()
	for b.Loop() {
		ops, err := ParsePatch(body, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := UserType().Patch(old, ops, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseFilterCondition(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := ParseFilter(`userName eq "barbara.jensen@contoso.example.com"`, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, ok := f.Condition(UserType()); !ok {
			b.Fatal("no condition")
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	d := user(b, entraUser)
	f, err := ParseFilter(`userName sw "barbara" and emails[type eq "work" and value co "contoso"]`, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !f.Match(UserType(), d, Envelope{}) {
			b.Fatal("no match")
		}
	}
}

// BenchmarkRenderUser is the encoding of a response into an existing buffer.
func BenchmarkRenderUser(b *testing.B) {
	stored := user(b, entraUser).JSON()
	groups := []GroupRef{{ID: "0198c0de-8d2a-7f8e-bf98-000000000000", Display: "Guides", Direct: true}}
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := UserType().RenderUser(dst, stored, envelope, groups, Projection{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderUserProjected(b *testing.B) {
	stored := user(b, entraUser).JSON()
	p, err := ParseProjection([]string{"userName,emails.value"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := UserType().RenderUser(nil, stored, Envelope{ID: "1"}, nil, p); err != nil {
			b.Fatal(err)
		}
	}
}
