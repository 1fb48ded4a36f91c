package scimhttp

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/secret"
)

// then is a body whose first part is available, and whose rest follows after an event.
type then struct {
	first, rest io.Reader
	between     func()
}

func (t *then) Read(p []byte) (int, error) {
	n, err := t.first.Read(p)
	if err == nil {
		return n, nil
	}
	if t.between != nil {
		t.between()
		t.between = nil
	}
	return t.rest.Read(p)
}

// revoke makes the keys of all directories invalid.
func (w *world) revoke() {
	w.keys = map[string]secret.Text{}
	w.endLeases()
}

func (w *world) endLeases() { w.now = w.now.Add(keylease.MaxLease) }

func TestAKeyThatIsRevokedWhileABodyArrivesWritesNothing(t *testing.T) {
	t.Parallel()
	long := `{"displayName":"x","members":[` + strings.Repeat(`{"value":"`+someID+`"},`, 60) + `{"value":"` + someID + `"}]}`
	for name, c := range map[string]struct {
		method, path, body string
		length             int64
	}{
		"a user is created":            {"POST", "/Users", `{"userName":"a"}`, 16},
		"a user is replaced":           {"PUT", "/Users/" + someID, `{"userName":"a"}`, 16},
		"a user is patched":            {"PATCH", "/Users/" + someID, `{"Operations":[]}`, 17},
		"a group is created, in parts": {"POST", "/Groups", long, -1},
		"a group is patched, in parts": {"PATCH", "/Groups/" + someID, long, -1},
		"a Bulk":                       {"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/` + someID + `"}]}`, -1},
	} {
		for how, change := range map[string]struct {
			do     func(*world)
			status int
		}{
			"revoked":        {(*world).revoke, http.StatusUnauthorized},
			"not federated":  {func(w *world) { w.notFederated = true; w.endLeases() }, http.StatusForbidden},
			"not to be told": {func(w *world) { w.loadError = io.ErrUnexpectedEOF; w.endLeases() }, http.StatusServiceUnavailable},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				r := w.request(c.method, c.path, "")
				r.Header.Set("Content-Type", mediaSCIM)
				r.Body = io.NopCloser(&then{strings.NewReader(c.body[:9]), strings.NewReader(c.body[9:]), func() { change.do(w) }})
				r.ContentLength = c.length
				a := w.serve(r)
				refused := a.Code == change.status
				if c.path == "/Bulk" {
					refused = strings.Contains(a.Body.String(), fmt.Sprintf(`"status":"%d"`, change.status))
				}
				if !refused || w.identity.count() != 0 {
					t.Errorf("%d, %d calls of identity: %s", a.Code, w.identity.count(), a.Body)
				}
				if events := w.events.all(); len(events) != 1 || int(events[0].GetStatus()) != change.status {
					t.Errorf("failed events: %v", events)
				}
			})
		}
	}
}

func TestABulkEndsWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.fails = func(proto.Message) error {
		if len(w.identity.calls) == 3 { // the third one is running
			w.revoke()
		}
		return nil
	}
	var operations []string
	for range 10 {
		operations = append(operations, `{"method":"DELETE","path":"/Users/`+someID+`"}`)
	}
	if got := statuses(w.bulk("", operations...)); got != "204 204 204 401 401 401 401 401 401 401" {
		t.Error(got)
	}
	if w.identity.count() != 3 {
		t.Errorf("identity was called %d times", w.identity.count())
	}
	events := w.events.all()
	const want = "7 of 10 operations, the first of them DELETE /Users/{id}, were not started. The API key was revoked"
	if len(events) != 1 || events[0].GetStatus() != 401 || !strings.Contains(events[0].GetDetail(), want) {
		t.Errorf("failed events: %v", events)
	}
}
