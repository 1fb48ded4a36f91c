package scimhttp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// bulkResult is one operation of a BulkResponse.
type bulkResult struct {
	Method, BulkID, Version, Location, Status string
	Response                                  *struct{ Status, SCIMType, Detail string }
}

// bulk sends operations, and returns their results.
func (w *world) bulk(members string, operations ...string) []bulkResult {
	w.t.Helper()
	a := w.do("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`+members+
		`"Operations":[`+strings.Join(operations, ",")+`]}`)
	var body struct {
		Schemas    []string
		Operations []bulkResult
	}
	if err := json.Unmarshal(a.Body.Bytes(), &body); a.Code != 200 || err != nil || len(body.Schemas) != 1 ||
		body.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:BulkResponse" {
		w.t.Fatalf("%d %v: %s", a.Code, err, a.Body)
	}
	for _, result := range body.Operations {
		if (result.Status >= "400") != (result.Response != nil) {
			w.t.Errorf("%s with the response %v", result.Status, result.Response)
		}
		if result.Response != nil && (result.Response.Status != result.Status ||
			!strings.HasSuffix(result.Response.Detail, " (message "+a.Header().Get(MessageIDHeader)+")")) {
			w.t.Errorf("the response of %s is %+v", result.Status, result.Response)
		}
	}
	return body.Operations
}

// statuses returns the statuses of results, in order.
func statuses(results []bulkResult) string {
	var all []string
	for _, result := range results {
		all = append(all, result.Status)
	}
	return strings.Join(all, " ")
}

// called lists the calls that identity received, with their contents.
func (i *identity) called() (all []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range i.calls {
		text := nameOf(c.request)
		if w := written(c.request); w.GetId() != "" {
			text += " " + w.GetId()
		}
		if r, ok := c.request.(interface{ GetId() string }); ok {
			text += " " + r.GetId()
		}
		if r, ok := c.request.(interface{ GetDocument() []byte }); ok {
			text += " " + string(r.GetDocument())
		}
		all = append(all, text)
	}
	return all
}

// written returns the write of a call, if it has one.
func written(r proto.Message) *identityv1.Write {
	w, _ := r.(interface{ GetWrite() *identityv1.Write })
	if w == nil {
		return nil
	}
	return w.GetWrite()
}

// nameOf returns a name for a call, such as "PatchUser".
func nameOf(r proto.Message) string {
	of := r.(interface{ GetTarget() *identityv1.Target }).GetTarget().GetResourceType()
	switch written(r).GetOperation() {
	case creates:
		return "Create" + of
	case replaces:
		return "Replace" + of
	case patches:
		return "Patch" + of
	}
	name := string(r.ProtoReflect().Descriptor().Name())
	return strings.NewReplacer("Resources", of+"s", "Resource", of).Replace(strings.TrimSuffix(name, "Request"))
}

func (w *world) wantCalls(want ...string) {
	w.t.Helper()
	got := w.identity.called()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("identity was called\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestABulkExecutesItsOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	results := w.bulk("",
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"x","n":1e400, "e":"\u00e9"}}`,
		`{"method":"put","path":"Groups/`+someID+`","version":"W/\"3\"","data":{"displayName":"g"}}`,
		`{"method":"PATCH","path":"/Users/`+someID+`","bulkId":"p","data":{"Operations":[{"op":"add","path":"title","value":"t"}]}}`,
		`{"method":"PATCH","path":"/Groups/`+someID+`","data":{"Schemas":["x"],"Operations":[{"op":"add","path":"externalId","value":"t"}]}}`,
		`{"method":"DELETE","path":"/Users/`+someID+`","version":"W/\"7\""}`,
	)
	if got := statuses(results); got != "201 200 200 204 204" {
		t.Error(got)
	}
	w.wantCalls(
		`CreateUser {"userName":"x","n":1e400,"e":"\u00e9"}`,
		`ReplaceGroup `+someID+` {"displayName":"g"}`,
		`PatchUser `+someID+` {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"t"}]}`,
		`PatchGroup `+someID+` {"Schemas":["x"],"Operations":[{"op":"add","path":"externalId","value":"t"}]}`,
		`DeleteUser `+someID,
	)
	for i, want := range []bulkResult{
		{Method: "POST", BulkID: "a", Version: `W/"3"`, Location: base + "/Users/" + someID, Status: "201"},
		{Method: "PUT", Version: `W/"3"`, Location: base + "/Groups/" + someID, Status: "200"},
		{Method: "PATCH", BulkID: "p", Version: `W/"3"`, Location: base + "/Users/" + someID, Status: "200"},
		{Method: "PATCH", Version: `W/"3"`, Location: base + "/Groups/" + someID, Status: "204"},
		{Method: "DELETE", Location: base + "/Users/" + someID, Status: "204"},
	} {
		if results[i] != want {
			t.Errorf("got %+v, want %+v", results[i], want)
		}
	}
	last, ok := w.identity.last(t).request.(*identityv1.DeleteResourceRequest)
	if !ok || len(last.GetIfMatch()) != 1 || last.GetIfMatch()[0] != 7 {
		t.Errorf("the version is %v", last.GetIfMatch())
	}
	if len(w.events.all()) != 0 {
		t.Errorf("failed events: %v", w.events.all())
	}
}

func TestABulkCreatesTheTargetsOfReferencesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.fresh = true
	results := w.bulk("",
		`{"method":"PATCH","path":"/Groups/bulkId:g","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:\u0062"}]}]}}`,
		`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"g","members":[{"value":"bulkId:a"},{"$ref":"../Users/bulkId:b"}]}}`,
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","urn:x":{"manager":"bulkId:b"}}}`,
		`{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b"}}`,
		`{"method":"PATCH","path":"/Users/bulkId%3Aa?attributes=id","data":{"Operations":[{"op":"add","path":"title","value":"t"}]}}`,
		`{"method":"DELETE","path":"/Users/bulkId:a"}`,
	)
	if got := statuses(results); got != "204 201 201 201 200 204" {
		t.Error(got)
	}
	w.wantCalls(
		`CreateUser {"userName":"b"}`,
		`CreateUser {"userName":"a","urn:x":{"manager":"`+freshID(0)+`"}}`,
		`CreateGroup {"displayName":"g","members":[{"value":"`+freshID(1)+`"},{"$ref":"../Users/`+freshID(0)+`"}]}`,
		`PatchGroup `+freshID(2)+` {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"`+freshID(0)+`"}]}]}`,
		`PatchUser `+freshID(1)+` {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"t"}]}`,
		`DeleteUser `+freshID(1),
	)
	if want := base + "/Users/" + freshID(1); results[2].Location != want || results[5].Location != want {
		t.Errorf("the locations are %q and %q", results[2].Location, results[5].Location)
	}
}

func TestReferencesMayFormACycle(t *testing.T) {
	t.Parallel()
	a := `{"method":"POST","path":"/Users","bulkId":"a","version":"W/\"9\"","data":{"userName":"a","x":{"manager":{"value":"bulkId:b"}}}}`
	b := `{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","x":{"manager":"bulkId:a", "k":[{"value":"bulkId:a"},{"value":"c"}]}}}`
	self := `{"method":"POST","path":"/Users","bulkId":"s","data":{"manager":{"value":"bulkId:s","$ref":"/Users/bulkId:s"}}}`
	t.Run("it is closed once there is something to refer to", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.identity.fresh = true
		results := w.bulk("", a, b, self)
		if got := statuses(results); got != "201 201 201" {
			t.Error(got)
		}
		w.wantCalls(
			`CreateUser {"userName":"b","x":{"k":[{"value":"c"}]}}`,
			`CreateUser {"userName":"a","x":{"manager":{"value":"`+freshID(0)+`"}}}`,
			`ReplaceUser `+freshID(0)+` {"userName":"b","x":{"manager":"`+freshID(1)+`","k":[{"value":"`+freshID(1)+`"},{"value":"c"}]}}`,
			`CreateUser {}`,
			`ReplaceUser `+freshID(3)+` {"manager":{"value":"`+freshID(3)+`","$ref":"/Users/`+freshID(3)+`"}}`,
		)
	})
	t.Run("what others changed meanwhile is not written over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.identity.fresh = true
		w.identity.fails = func(r proto.Message) error {
			if w := written(r); w.GetOperation() == replaces && slices.Equal(w.GetIfMatch(), []int64{3}) {
				return fault.New(fault.Conflict, "it has another version by now")
			}
			return nil
		}
		results := w.bulk("", a, b)
		if got := statuses(results); got != "201 409" || !strings.Contains(results[1].Response.Detail, "another version") {
			t.Errorf("%s: %+v", got, results)
		}
	})
	t.Run("a group in it is only added to", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.identity.fresh = true
		results := w.bulk("",
			`{"method":"POST","path":"/Users","bulkId":"u","data":{"groups":[{"value":"bulkId:g"}]}}`,
			`{"method":"POST","path":"/Groups","bulkId":"g","data":{"members":[{"value":"bulkId:u"},{"value":"`+someID+`"}]}}`,
		)
		if got := statuses(results); got != "201 201" || results[1].Version == "" {
			t.Errorf("%s: %+v", got, results)
		}
		w.wantCalls(
			`CreateGroup {"members":[{"value":"`+someID+`"}]}`,
			`CreateUser {"groups":[{"value":"`+freshID(0)+`"}]}`,
			`PatchGroup `+freshID(0)+` {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
				`{"op":"add","path":"members","value":[{"value":"`+freshID(1)+`"},{"value":"`+someID+`"}]}]}`,
		)
	})
	t.Run("it cannot be closed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.identity.fresh = true
		w.identity.fails = func(r proto.Message) error {
			if written(r).GetOperation() == replaces {
				return fault.New(fault.InvalidValue, "no circle")
			}
			return nil
		}
		results := w.bulk("", a, b)
		if got := statuses(results); got != "201 409" || results[1].Location != base+"/Users/"+freshID(0) ||
			!strings.Contains(results[1].Response.Detail, "was created") || !strings.Contains(results[1].Response.Detail, "no circle") {
			t.Errorf("%s: %+v", got, results)
		}
		if events := w.events.all(); len(events) != 1 || events[0].GetOperation() != "POST /Bulk: PUT /Users/{id}" ||
			events[0].GetResourceId() != freshID(0) {
			t.Errorf("failed events: %v", events)
		}
	})
	t.Run("one of it is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.identity.fails = func(r proto.Message) error {
			if c, ok := r.(*identityv1.WriteResourceRequest); ok && written(r).GetOperation() == creates && strings.Contains(string(c.GetDocument()), `"a"`) {
				return fault.New(fault.Uniqueness, "taken")
			}
			return nil
		}
		for members, want := range map[string]string{"": "409 409", `"failOnErrors":1,`: "409 409"} {
			results := w.bulk(members, a, b)
			if got := statuses(results); got != want || !strings.Contains(results[1].Response.Detail, "was created") ||
				results[0].Location != "" || results[1].Location == "" {
				t.Errorf("%s: %+v", got, results)
			}
		}
	})
}

func TestAnOperationFailsAlone(t *testing.T) {
	t.Parallel()
	ok := `{"method":"DELETE","path":"/Groups/` + someID + `"}`
	for _, c := range []struct {
		name, operation, status, scimType, detail, event string
	}{
		{"no method", `{"path":"/Users"}`, "400", "invalidSyntax", "no method", "POST /Bulk: OTHER /Users"},
		{"reading", `{"method":"GET","path":"/Users/1"}`, "400", "invalidSyntax", "POST, PUT, PATCH or DELETE", "POST /Bulk: GET /Users/{id}"},
		{"no bulkId", `{"method":"POST","path":"/Users","data":{}}`, "400", "invalidSyntax", "bulkId", "POST /Bulk: POST /Users"},
		{"a long bulkId", `{"method":"POST","path":"/Users","data":{},"bulkId":"` + strings.Repeat("x", 201) + `"}`, "400", "invalidValue", "200", "POST /Bulk: POST /Users"},
		{"no path", `{"method":"DELETE"}`, "400", "invalidSyntax", "no path", "POST /Bulk: DELETE /"},
		{"no data", `{"method":"PUT","path":"/Users/1","data":null}`, "400", "invalidSyntax", "needs data", "POST /Bulk: PUT /Users/{id}"},
		{"a Bulk in it", `{"method":"POST","path":"/Bulk","bulkId":"x","data":{}}`, "400", "invalidValue", "path", "POST /Bulk: POST /Bulk"},
		{"a search in it", `{"method":"POST","path":"/Users/.search","bulkId":"x","data":{}}`, "400", "invalidValue", "path", "POST /Bulk: POST /Users/.search"},
		{"creating below a resource", `{"method":"POST","path":"/Users/bulkId:x","bulkId":"x","data":{}}`, "400", "invalidValue", "path", "POST /Bulk: POST /Users/{id}"},
		{"removing all", `{"method":"DELETE","path":"/Users"}`, "405", "", "not possible", "POST /Bulk: DELETE /Users"},
		{"another path", `{"method":"DELETE","path":"/jane@example.com"}`, "400", "invalidValue", "path", "POST /Bulk: DELETE /{unknown}"},
		{"an unknown reference", `{"method":"PUT","path":"/Users/1","data":{"manager":"bulkId:no"}}`, "400", "invalidValue", `"no", which no POST`, "POST /Bulk: PUT /Users/{id}"},
		{"an unknown reference in the path", `{"method":"DELETE","path":"/Users/bulkId:no"}`, "400", "invalidValue", `"no", which no POST`, "POST /Bulk: DELETE /Users/{id}"},
		{"a version that never was", `{"method":"DELETE","path":"/Users/1","version":"x"}`, "412", "", "If-Match", "POST /Bulk: DELETE /Users/{id}"},
		{"a large resource", `{"method":"PUT","path":"/Users/1","data":{"x":"` + strings.Repeat("x", 1000) + `"}}`, "413", "", "1000 bytes", "POST /Bulk: PUT /Users/{id}"},
		{"an id that no resource has", `{"method":"DELETE","path":"/Users/` + strings.Repeat("x", 201) + `"}`, "404", "", "", "POST /Bulk: DELETE /Users/{id}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			results := w.bulk("", c.operation, ok)
			if got := statuses(results); got != c.status+" 204" || results[0].Response.SCIMType != c.scimType ||
				!strings.Contains(results[0].Response.Detail, c.detail) {
				t.Errorf("%s: %+v %+v", got, results[0], results[0].Response)
			}
			w.wantCalls("DeleteGroup " + someID)
			if events := w.events.all(); len(events) != 1 || events[0].GetOperation() != c.event ||
				fmt.Sprint(events[0].GetStatus()) != c.status {
				t.Errorf("failed events: %v", events)
			}
			if strings.Contains(w.logs.String(), "jane") {
				t.Errorf("logged: %s", w.logs)
			}
		})
	}
}

func TestAnOperationThatRefersToAFailedOneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.fails = func(r proto.Message) error {
		if written(r).GetOperation() == creates {
			return fault.New(fault.Uniqueness, "taken")
		}
		return nil
	}
	operations := []string{
		`{"method":"POST","path":"/Groups","bulkId":"g","data":{"members":[{"value":"bulkId:a"}]}}`,
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}}`,
		`{"method":"POST","path":"/Groups","bulkId":"a","data":{}}`,
		`{"method":"DELETE","path":"/Groups/` + someID + `"}`,
	}
	if got := statuses(w.bulk("", operations...)); got != "409 409 400 204" {
		t.Error(got)
	}
	for n, want := range []string{"409", "409 409", "409 409 400", "409 409 400 204"} {
		results := w.bulk(fmt.Sprintf(`"failOnErrors":%d,`, n+1), operations...)
		if got := statuses(results); got != want {
			t.Errorf("ending after %d errors: %s, not %s", n+1, got, want)
		}
	}
}

func TestABrokenBulkIsRefusedWhole(t *testing.T) {
	t.Parallel()
	one := `{"method":"DELETE","path":"/Users/1"}`
	for _, c := range []struct {
		name, body       string
		status           int
		scimType, detail string
	}{
		{"no JSON", `{"Operations":[`, 400, "invalidSyntax", "JSON"},
		{"not UTF-8", "{\"x\":\"\xff\"}", 400, "invalidSyntax", "UTF-8"},
		{"an array", `[]`, 400, "invalidSyntax", "object"},
		{"no operations", `{}`, 400, "invalidSyntax", "Operations"},
		{"empty operations", `{"Operations":[]}`, 400, "invalidSyntax", "Operations"},
		{"operations that are none", `{"Operations":{}}`, 400, "invalidSyntax", "Operations"},
		{"an operation that is none", `{"Operations":[` + one + `,1]}`, 400, "invalidSyntax", "Operations[1]"},
		{"a method that is a number", `{"Operations":[{"method":1}]}`, 400, "invalidSyntax", "method"},
		{"operations twice", `{"Operations":[` + one + `],"operations":[` + one + `]}`, 400, "invalidSyntax", "twice"},
		{"a path twice", `{"Operations":[{"path":"/Users/1","path":"/Users/2"}]}`, 400, "invalidSyntax", "twice"},
		{"very deep", `{"Operations":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, 400, "invalidSyntax", ""},
		{"a value without a name", `{"Operations"}`, 400, "invalidSyntax", "JSON"},
		{"failOnErrors of 0", `{"failOnErrors":0,"Operations":[` + one + `]}`, 400, "invalidValue", "failOnErrors"},
		{"failOnErrors that is a string", `{"failOnErrors":"1","Operations":[` + one + `]}`, 400, "invalidValue", "failOnErrors"},
		{"too many operations", `{"Operations":[` + strings.Repeat(one+",", 20) + one + `]}`, 413, "", "limit of 20"},
		{"too large", `{"x":"` + strings.Repeat("x", 20_000) + `"}`, 413, "", "limit of 20000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.do("POST", "/Bulk", c.body)
			if a.Code != c.status || a.scim.SCIMType != c.scimType || !strings.Contains(a.scim.Detail, c.detail) {
				t.Errorf("%d: %s", a.Code, a.Body)
			}
			if events := w.events.all(); len(events) != 1 || events[0].GetOperation() != "POST /Bulk" || w.identity.count() != 0 {
				t.Errorf("failed events: %v; %d calls", events, w.identity.count())
			}
		})
	}
}

// Each operation would take memory and time, and a body has room for millions.
func TestOperationsBeyondTheLimitAreNotRead(t *testing.T) {
	t.Parallel()
	if got := elements([]byte(`[1,2,3,4,5]`), 3); len(got) != 3 || string(got[2]) != "3" {
		t.Errorf("got %q", got)
	}
}

func TestABulkKeepsTheDirectorysRateAndEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.RatePerSecond, c.RequestTimeout = 2, 3*time.Second })
		w.handler.d.Now = time.Now
		w.now = time.Now().Add(time.Hour) // when the key lease ends
		var operations []string
		for range 10 {
			operations = append(operations, `{"method":"DELETE","path":"/Users/`+someID+`"}`)
		}
		// An operation that refers to one that was not started is not started either.
		operations = append(operations, `{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}}`,
			`{"method":"POST","path":"/Groups","bulkId":"g","data":{"members":[{"value":"bulkId:a"}]}}`)
		// The request itself is one of the burst of two; then two per second follow, for three seconds.
		got := statuses(w.bulk("", operations...))
		if got != "204 204 204 204 204 204 503 503 503 503 503 503" && got != "204 204 204 204 204 204 204 503 503 503 503 503" {
			t.Error(got)
		}
		// One failed event reports all operations that were not started. One operation may have started with too little time for its call.
		done, events := w.identity.count(), w.events.all()
		if done < 6 || len(events) < 1 || len(events) > 2 {
			t.Fatalf("%d calls, failed events %v", done, events)
		}
		last := events[len(events)-1]
		want := fmt.Sprintf("%d of 12 operations, the first of them DELETE /Users/{id}, were not started", 12-done-(len(events)-1))
		if last.GetOperation() != "POST /Bulk" || last.GetStatus() != 503 || !strings.Contains(last.GetDetail(), want) {
			t.Errorf("%d calls, failed events %v", done, events)
		}
	})
}

func TestACycleThatIsNotClosedInTimeIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.RatePerSecond, c.RequestTimeout = 2, 900*time.Millisecond })
		w.handler.d.Now = time.Now
		w.now = time.Now().Add(time.Hour) // when the key lease ends
		w.identity.fresh = true
		results := w.bulk("",
			`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a","manager":"bulkId:b"}}`,
			`{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"b","manager":"bulkId:a"}}`,
		)
		if got := statuses(results); got != "201 503" || !strings.Contains(results[1].Response.Detail, "was created") {
			t.Errorf("%s: %+v", got, results)
		}
		events := w.events.all()
		if len(events) != 1 || events[0].GetOperation() != "POST /Bulk: PUT /Users/{id}" || !strings.Contains(events[0].GetDetail(), "was created") {
			t.Errorf("failed events: %v", events)
		}
	})
}

func TestAnInternalErrorAffectsOneOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.panics = true
	results := w.bulk("", `{"method":"DELETE","path":"/Users/`+someID+`"}`, `{"method":"DELETE"}`)
	if got := statuses(results); got != "500 400" || !strings.Contains(w.logs.String(), `"level":"ERROR"`) {
		t.Errorf("%s: %s", got, w.logs)
	}
}
