package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// What RFC 7643, RFC 7644 and RFC 9865 ask of a service provider, where only the whole of Usher shows it.
func TestWhatTheRFCsAsk(t *testing.T) {
	t.Parallel()
	inDirectories(t, []directoryTest{
		{"a reference leads to what it names", referencesLead},
		{"meta.location is the Content-Location and meta.version the ETag", metaIsInTheHeaders},
		{"meta tells what a resource is and when it changed", metaTells},
		{"a value is not primary unless it says so", primaryIsFalse},
		{"what was not sent is neither shown nor found", nothingIsDefaulted},
		{"what nobody knows in a query is passed over", unknownParametersArePassedOver},
		{"an extension is in schemas while it has attributes", schemasFollowExtensions},
		{"names are read in any case, with a URN or without", namesInAnyCase},
		{"what is case exact keeps its case and compares by it", caseExactValues},
		{"what is deleted is gone for every operation", deletedIsGone},
		{"every write can be answered in part", writesAnswerInPart},
		{"PUT answers with the whole and keeps what is the server's", putAnswersWithTheWhole},
		{"a password is in no answer", passwordsAreNotShown},
		{"a member's type is what the member is", aMembersTypeIsKnown},
		{"a page says where it is", pagesSayWhereTheyAre},
		{"a count of nothing gives the total, by cursor too", countsOfNothing},
		{"a cursor is of one directory and opens nothing", cursorsOpenNothing},
		{"another version of the protocol is refused", otherVersionsAreRefused},
		{"the Base URL takes paths and queries", theBaseURLTakesPaths},
	})
}

// objects lists the objects of a multi-valued attribute.
func objects(resource map[string]any, attribute string) (all []map[string]any) {
	list, _ := resource[attribute].([]any)
	for _, one := range list {
		if object, ok := one.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

// meta is that of a resource.
func meta(resource map[string]any) map[string]any {
	m, _ := resource["meta"].(map[string]any)
	return m
}

// names lists the attributes that a resource has, sorted.
func names(resource map[string]any) (all []string) {
	for name := range resource {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func referencesLead(t *testing.T, d *directory) {
	ann := d.user("ann")
	inner := d.group("Inner", ann)
	crew := d.group("Crew", inner, ann)
	var all []map[string]any
	all = append(all, objects(d.of("/Users/"+ann), "groups")...)
	all = append(all, objects(d.of("/Groups/"+crew), "members")...)
	if len(all) != 4 {
		t.Errorf("there are %d references", len(all))
	}
	for _, one := range all {
		path, ok := strings.CutPrefix(fmt.Sprint(one["$ref"]), d.baseURL)
		if !ok {
			t.Fatalf("%v is not below %s", one["$ref"], d.baseURL)
		}
		if id := d.of(path)["id"]; id == nil || id != one["value"] {
			t.Errorf("%s leads to %v, not to %v", path, id, one["value"])
		}
	}
	for _, list := range []string{"/Users", "/Groups", "/Schemas", "/ResourceTypes"} {
		for _, one := range objects(d.of(list), "Resources") {
			path := strings.TrimPrefix(fmt.Sprint(meta(one)["location"]), d.baseURL)
			if id := d.of(path)["id"]; id == nil || id != one["id"] {
				t.Errorf("%s leads to %v, not to %v", path, id, one["id"])
			}
		}
	}
}

func metaIsInTheHeaders(t *testing.T, d *directory) {
	made := d.send("POST", "/Users", aUser(`"title":"x"`), http.StatusCreated)
	at := "/Users/" + made.str("id")
	group := d.send("POST", "/Groups", aGroup(`"externalId":"g"`), http.StatusCreated)
	for name, a := range map[string]answer{
		"POST": made, "GET": d.send("GET", at, "", http.StatusOK), "PUT": d.send("PUT", at, aUser(`"title":"y"`), http.StatusOK),
		"PATCH": d.patch(at, "replace", "title", "z", http.StatusOK), "POST of a group": group,
		"GET of a group": d.send("GET", "/Groups/"+group.str("id"), "", http.StatusOK),
	} {
		m := meta(a.body)
		location, version := fmt.Sprint(m["location"]), fmt.Sprint(m["version"])
		if location == "" || a.header.Get("Content-Location") != location || a.header.Get("Location") != location {
			t.Errorf("%s: %s is the location, %v the headers", name, location, a.header)
		}
		if a.header.Get("ETag") != version || !strings.HasPrefix(version, `W/"`) {
			t.Errorf("%s: %s is the version, %s the ETag", name, version, a.header.Get("ETag"))
		}
	}
	same, err := d.tryWith(t.Context(), "GET", at, "", with("If-None-Match", fmt.Sprint(meta(d.of(at))["version"])))
	if err != nil || same.status != http.StatusNotModified || len(same.raw) != 0 || same.header.Get("Content-Location") != d.baseURL+at {
		t.Errorf("of the version that is there: %d %v, %s, %v", same.status, same.header, same.raw, err)
	}
}

func metaTells(t *testing.T, d *directory) {
	for path, made := range map[string]answer{
		"/Users":  d.send("POST", "/Users", aUser(`"meta":{"resourceType":"Group","created":"2001-01-01T00:00:00Z"}`), http.StatusCreated),
		"/Groups": d.send("POST", "/Groups", aGroup(`"meta":{"resourceType":"User","created":"2001-01-01T00:00:00Z"}`), http.StatusCreated),
	} {
		if _, err := uuid.Parse(made.str("id")); err != nil { // nor then does "bulkId" stand in it
			t.Errorf("the id is %q: %v", made.str("id"), err)
		}
		m := meta(made.body)
		if kind := path[1 : len(path)-1]; m["resourceType"] != kind {
			t.Errorf("a %s is a %v", kind, m["resourceType"])
		}
		created, err := time.Parse(time.RFC3339, fmt.Sprint(m["created"]))
		if err != nil || created.Year() < 2020 || m["lastModified"] != m["created"] {
			t.Errorf("it was created %v (%v) and modified %v", m["created"], err, m["lastModified"])
		}
		at := path + "/" + made.str("id")
		set := func(value string) map[string]any {
			d.send("PATCH", at, ops(`{"op":"add","path":"externalId","value":"`+value+`"}`), map[string]int{"/Users": 200, "/Groups": 204}[path])
			return meta(d.of(at))
		}
		first := set("x")
		if again := set("x"); again["lastModified"] != first["lastModified"] || again["version"] != first["version"] {
			t.Errorf("adding what is there makes %v of %v", again, first)
		}
		if other := set("y"); other["version"] == first["version"] || other["created"] != m["created"] {
			t.Errorf("adding another value makes %v of %v", other, first)
		}
	}
}

func primaryIsFalse(t *testing.T, d *directory) {
	for name, emails := range map[string]string{
		"says": `{"value":"a","primary":true}`, "denies": `{"value":"b","primary":false}`, "silent": `{"value":"c"}`, "both": `{"value":"d","primary":true},{"value":"e"}`,
	} {
		d.send("POST", "/Users", fmt.Sprintf(`{%s,"userName":%q,"emails":[%s]}`, userSchema, name, emails), http.StatusCreated)
	}
	d.user("none")
	for filter, want := range map[string][]string{
		`emails[primary eq true]`:                   {"says", "both"},
		`emails.primary eq true`:                    {"says", "both"},
		`emails[primary eq false]`:                  {"denies", "silent", "both"},
		`emails.primary eq false`:                   {"denies", "silent", "both"},
		`emails[primary eq "False"]`:                {"denies", "silent", "both"},
		`emails[primary ne true and value eq "e"]`:  {"both"},
		`emails[primary ne false]`:                  {"says", "both"},
		`emails[primary eq false].value eq "c"`:     {"silent"},
		`emails[not (primary eq true)]`:             {"denies", "silent", "both"},
		`emails[value eq "c" and primary eq false]`: {"silent"},
	} {
		requireValues(t, filter, d.found("/Users", filter), want...)
	}
	at := "/Users/" + d.send("POST", "/Users", aUser(`"emails":[{"value":"a","type":"home"},{"value":"b","primary":true}]`), http.StatusCreated).str("id")
	d.patch(at, "remove", `emails[primary eq false]`, nil, http.StatusOK)
	requireValues(t, "what is left", values(d.of(at), "emails", "value"), "b")
}

func nothingIsDefaulted(t *testing.T, d *directory) {
	made := d.send("POST", "/Users", `{`+userSchema+`,"userName":"silent"}`, http.StatusCreated)
	requireValues(t, "what is shown of who says little", names(made.body), "id", "meta", "schemas", "userName")
	d.send("POST", "/Users", `{`+userSchema+`,"userName":"off","active":false}`, http.StatusCreated)
	for filter, want := range map[string][]string{
		`title eq ""`: nil, `active eq false`: {"off"}, `active pr`: {"off"}, `not (active eq false)`: {"silent"}, `active eq null`: {"silent"},
	} {
		requireValues(t, filter, d.found("/Users", filter), want...)
	}
}

func unknownParametersArePassedOver(t *testing.T, d *directory) {
	ann := d.user("ann")
	for _, query := range []string{"?newInVersion3=x", "?filters=userName+eq+%22nobody%22", "?_=1&newInVersion3"} {
		requireValues(t, query, values(d.of("/Users"+query), "Resources", "userName"), "ann")
		if got := d.of("/Users/" + ann + query)["userName"]; got != "ann" {
			t.Errorf("%s: %v", query, got)
		}
	}
	found := d.send("POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"newInVersion3":{"x":[1]}}`, http.StatusOK)
	requireValues(t, "a search", values(found.body, "Resources", "userName"), "ann")
}

func schemasFollowExtensions(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	schemas := func() string { return fmt.Sprint(d.of(ann)["schemas"]) }
	if got := schemas(); got != "["+core+"]" {
		t.Error(got)
	}
	d.patch(ann, "add", enterprise+":employeeNumber", "7", http.StatusOK)
	if got := schemas(); got != "["+core+" "+enterprise+"]" {
		t.Error(got)
	}
	if got := fmt.Sprint(d.of(ann)[enterprise]); got != "map[employeeNumber:7]" {
		t.Errorf("the extension is %s", got)
	}
	d.patch(ann, "remove", enterprise+":employeeNumber", nil, http.StatusOK)
	if got := schemas(); got != "["+core+"]" {
		t.Error(got)
	}
}

func namesInAnyCase(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	upper, core := strings.ToUpper(enterprise), "URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER"
	d.patch(ann, "add", upper+":DEPARTMENT", "Tours", http.StatusOK)
	d.patch(ann, "add", core+":NAME.GIVENNAME", "Ann", http.StatusOK)
	for _, filter := range []string{
		`USERNAME Eq "ann"`, core + `:userName EQ "ann"`, upper + `:department SW "t"`, `Name.GivenName pr`, core + `:name.givenname CO "N"`,
	} {
		requireValues(t, filter, d.found("/Users", filter), "ann")
	}
	user := d.of(ann + "?attributes=" + url.QueryEscape(core+":NAME.givenNAME,"+upper+":department"))
	requireValues(t, "what is shown", names(user), "id", "name", "schemas", enterprise)
	requireValues(t, "in an order", values(d.of("/Users?sortBy="+url.QueryEscape(core+":NAME.GIVENNAME")), "Resources", "userName"), "ann")
}

func caseExactValues(t *testing.T, d *directory) {
	ann := "/Users/" + d.send("POST", "/Users", aUser(`"externalId":"AbC","displayName":"ÀNN"`), http.StatusCreated).str("id")
	if got := d.of(ann)["externalId"]; got != "AbC" {
		t.Errorf("externalId is %v", got)
	}
	for filter, want := range map[string][]string{
		`externalId eq "AbC"`: {"x"}, `externalId eq "abc"`: nil, `externalId sw "ab"`: nil, `displayName eq "ànn"`: {"x"}, `displayName co "NN"`: {"x"},
	} {
		requireValues(t, filter, d.found("/Users", filter), want...)
	}
}

func deletedIsGone(t *testing.T, d *directory) {
	for path, body := range map[string]string{"/Users": aUser(`"externalId":"e"`), "/Groups": aGroup(`"externalId":"e"`)} {
		at := path + "/" + d.send("POST", path, body, http.StatusCreated).str("id")
		if a := d.send("DELETE", at, "", http.StatusNoContent); len(a.raw) != 0 {
			t.Errorf("a DELETE is answered with %s", a.raw)
		}
		d.send("GET", at, "", http.StatusNotFound)
		d.send("PUT", at, body, http.StatusNotFound)
		d.send("PATCH", at, ops(`{"op":"add","path":"externalId","value":"x"}`), http.StatusNotFound)
		d.send("DELETE", at, "", http.StatusNotFound)
		for _, list := range []string{path, path + "?cursor", path + "?filter=externalId+eq+%22e%22", "/"} {
			if left := objects(d.of(list), "Resources"); len(left) != 0 {
				t.Errorf("%s has %v", list, left)
			}
		}
		again := path + "/" + d.send("POST", path, body, http.StatusCreated).str("id")
		if again == at {
			t.Errorf("%s came back", at)
		}
		d.send("DELETE", again, "", http.StatusNoContent)
	}
}

func writesAnswerInPart(t *testing.T, d *directory) {
	for _, query := range []string{"?attributes=title", "?excludedAttributes=userName,meta,active,nickName,id,schemas"} {
		made := d.send("POST", "/Users"+query, aUser(`"title":"x","nickName":"y"`), http.StatusCreated)
		at := "/Users/" + made.str("id")
		for name, a := range map[string]answer{
			"POST": made, "PUT": d.send("PUT", at+query, aUser(`"title":"z","nickName":"y"`), http.StatusOK),
			"PATCH": d.send("PATCH", at+query, ops(set("title", `"w"`)), http.StatusOK), "GET": d.send("GET", at+query, "", http.StatusOK),
			"a list": {body: objects(d.of("/Users"+query), "Resources")[0]},
		} {
			requireValues(t, name+query, names(a.body), "id", "schemas", "title")
		}
		d.send("DELETE", at, "", http.StatusNoContent)
	}
	crew := "/Groups/" + d.group("Crew")
	a := d.send("PATCH", crew+"?attributes=displayName", ops(set("displayName", `"New"`)), http.StatusOK)
	requireValues(t, "PATCH of a group", names(a.body), "displayName", "id", "schemas")
}

func putAnswersWithTheWhole(t *testing.T, d *directory) {
	made := d.send("POST", "/Users", aUser(`"title":"x","nickName":"y"`), http.StatusCreated)
	at := "/Users/" + made.str("id")
	crew := d.group("Crew", made.str("id"))
	a := d.send("PUT", at, aUser(`"id":"other","title":"z","groups":[],"meta":{"created":"2001-01-01T00:00:00Z"}`), http.StatusOK)
	if a.str("id") != made.str("id") || a.str("title") != "z" || a.str("userName") != "x" || a.body["nickName"] != nil ||
		meta(a.body)["created"] != meta(made.body)["created"] {
		t.Errorf("the answer is %s", a.raw)
	}
	requireValues(t, "groups", values(a.body, "groups", "value"), crew)
	if got := d.send("GET", at, "", http.StatusOK); string(got.raw) != string(a.raw) {
		t.Errorf("the answer was %s, and it is %s", a.raw, got.raw)
	}
	d.send("PUT", "/Users/"+nobody, aUser(`"title":"x"`), http.StatusNotFound)
	requireValues(t, "users", values(d.of("/Users"), "Resources", "userName"), "x")
}

func passwordsAreNotShown(t *testing.T, d *directory) {
	const secret = "t1meMa$heen"
	body := aUser(`"password":"` + secret + `"`)
	made := d.send("POST", "/Users?attributes=password,userName", body, http.StatusCreated)
	at := "/Users/" + made.str("id")
	for name, a := range map[string]answer{
		"POST": made, "PUT": d.send("PUT", at+"?attributes=password", body, http.StatusOK),
		"PATCH": d.send("PATCH", at+"?attributes=password", ops(set("password", `"`+secret+`"`)), http.StatusOK),
		"GET":   d.send("GET", at+"?attributes=password", "", http.StatusOK), "a list": d.send("GET", "/Users?attributes=password", "", http.StatusOK),
	} {
		if text := string(a.raw); strings.Contains(text, secret) || strings.Contains(text, "password") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func aMembersTypeIsKnown(t *testing.T, d *directory) {
	ann := d.user("ann")
	crew := "/Groups/" + d.group("Crew", ann)
	a := d.send("PUT", crew, aGroup(`"members":[{"value":"`+ann+`","type":"Group","$ref":"https://elsewhere.example/Groups/`+ann+`","display":"Eve"}]`), http.StatusOK)
	want := map[string]any{"value": ann, "type": "User", "$ref": d.baseURL + "/Users/" + ann, "display": "ann"}
	if members := objects(a.body, "members"); len(members) != 1 || fmt.Sprint(members[0]) != fmt.Sprint(want) {
		t.Errorf("the members are %v, not %v", members, want)
	}
}

func pagesSayWhereTheyAre(t *testing.T, d *directory) {
	for _, name := range []string{"a", "b", "c"} {
		d.user(name)
	}
	for query, want := range map[string]string{
		"?count=2":                                "2 1 3 2",
		"?startIndex=2&count=2":                   "2 2 3 2",
		"?startIndex=3":                           "1 3 3 1",
		"?startIndex=9":                           "0 9 3 0",
		"?startIndex=-1&count=1":                  "1 1 3 1",
		"?count=0":                                "0 1 3 0",
		"?count=-7":                               "0 1 3 0",
		"?filter=userName+eq+%22nobody%22":        "0 1 0 0",
		"?filter=title+pr&sortBy=userName":        "0 1 0 0",
		"?filter=userName+gt+%22a%22&count=1":     "1 1 2 1",
		"?sortBy=userName&count=2&startIndex=2":   "2 2 3 2",
		"?sortBy=nickName&startIndex=3&count=100": "1 3 3 1",
	} {
		page := d.of("/Users" + query)
		if got := fmt.Sprint(len(objects(page, "Resources")), page["startIndex"], page["totalResults"], page["itemsPerPage"]); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
		if got := fmt.Sprint(page["schemas"]); got != "[urn:ietf:params:scim:api:messages:2.0:ListResponse]" {
			t.Errorf("%s: schemas are %s", query, got)
		}
	}
}

func countsOfNothing(t *testing.T, d *directory) {
	for _, name := range []string{"a", "b", "c"} {
		d.user(name)
	}
	d.group("g")
	cursor := d.send("GET", "/Users?cursor&count=1", "", http.StatusOK).str("nextCursor")
	for query, want := range map[string]float64{
		"/Users?cursor&count=0": 3, "/Users?cursor=&count=-1": 3, "/Groups?cursor&count=0": 1,
		"/Users?cursor&count=0&filter=userName+gt+%22a%22": 2, "/Users?cursor&count=0&sortBy=userName": 3, "/?cursor&count=0": 4,
	} {
		page := d.of(query)
		if len(objects(page, "Resources")) != 0 || page["totalResults"] != want || page["itemsPerPage"] != 0.0 || page["nextCursor"] != nil {
			t.Errorf("%s: %v", query, page)
		}
	}
	// A cursor is of the count that its list was begun with (RFC 9865 section 2.2).
	if a := d.send("GET", "/Users?cursor="+cursor+"&count=0", "", http.StatusBadRequest); a.str("scimType") != "invalidCount" {
		t.Errorf("another count is answered %s", a.raw)
	}
	for _, count := range []string{"0", "-1"} {
		page := d.send("POST", "/Users/.search", `{"cursor":"","count":`+count+`}`, http.StatusOK)
		if len(objects(page.body, "Resources")) != 0 || page.body["totalResults"] != 3.0 {
			t.Errorf("a search of %s: %s", count, page.raw)
		}
	}
}

func cursorsOpenNothing(t *testing.T, d *directory) {
	for _, name := range []string{"a", "b", "c"} {
		d.user(name)
	}
	next := "/Users?count=1&cursor=" + d.send("GET", "/Users?count=1&cursor", "", http.StatusOK).str("nextCursor")
	d.send("GET", next, "", http.StatusOK)
	other := d.u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("another than " + t.Name())}})
	other.user("eve")
	details := map[string]bool{}
	for _, cursor := range []string{next, "/Users?count=1&cursor=made-up", "/Users?count=1&filter=userName+pr&cursor=" + strings.TrimPrefix(next, "/Users?count=1&cursor=")} {
		a := other.send("GET", cursor, "", http.StatusBadRequest)
		if a.str("scimType") != "invalidCursor" {
			t.Errorf("%s: %s", cursor, a.raw)
		}
		details[strings.Replace(a.str("detail"), a.messageID, "", 1)] = true
	}
	if len(details) != 1 {
		t.Errorf("the answers tell the cases apart: %v", details)
	}
	(&directory{u: d.u, baseURL: d.baseURL, key: other.key, http: d.http}).send("GET", next, "", http.StatusUnauthorized)
	keys, err := d.u.keys().ListApiKeys(d.u.ctx(), &directoryv1.ListApiKeysRequest{OrganizationId: demo, DirectoryId: d.id})
	if err != nil || len(keys.GetApiKeys()) != 1 {
		t.Fatalf("the keys are %v, %v", keys, err)
	}
	if _, err := d.u.keys().RevokeApiKey(d.u.ctx(), &directoryv1.RevokeApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, Id: keys.GetApiKeys()[0].GetId()}); err != nil {
		t.Fatal(err)
	}
	d.send("GET", next, "", http.StatusUnauthorized)
}

func otherVersionsAreRefused(_ *testing.T, d *directory) {
	d.user("ann")
	for _, path := range []string{"/v1/Users", "/v2/Users", "/v3/Users", "/v2/ServiceProviderConfig"} {
		d.send("GET", path, "", http.StatusNotFound)
	}
	elsewhere := &directory{u: d.u, baseURL: strings.Replace(d.baseURL, "/v2/", "/v1/", 1), key: d.key, http: d.http}
	elsewhere.send("GET", "/Users", "", http.StatusNotFound)
	elsewhere.send("POST", "/Users", aUser(`"title":"x"`), http.StatusNotFound)
}

func theBaseURLTakesPaths(t *testing.T, d *directory) {
	at, err := url.Parse(d.baseURL)
	if err != nil || at.RawQuery != "" || at.ForceQuery || at.Fragment != "" || strings.HasSuffix(d.baseURL, "/") || !strings.Contains(at.Path, "/v2/") {
		t.Errorf("the Base URL is %s, %v", d.baseURL, err)
	}
	d.send("GET", "/ServiceProviderConfig", "", http.StatusOK)
	d.send("GET", "/ServiceProviderConfig/?x=y", "", http.StatusOK)
}
