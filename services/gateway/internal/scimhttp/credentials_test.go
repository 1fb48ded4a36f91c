package scimhttp

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Invariant 4.
func TestEveryWrongCredentialGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mistyped := []byte(w.keys[directory].Reveal())
	mistyped[10] ^= 1
	var details []string
	for _, c := range []struct{ name, directory, authorization string }{
		{"unknown key", directory, "Bearer " + bearer.APIKey.New().Reveal()},
		{"a service credential", directory, "Bearer " + w.credential.Reveal()},
		{"a service credential on no directory", "nonsense", "Bearer " + w.credential.Reveal()},
		{"revoked or expired key", directory, "Bearer " + w.revoked.Reveal()},
		{"another directory's key", directory, "Bearer " + w.keys[other].Reveal()},
		{"the key on another directory", other, "Bearer " + w.keys[directory].Reveal()},
		{"the key on a directory that there is not", "0198a000-0000-7000-8000-00000000ffff", "Bearer " + w.keys[directory].Reveal()},
		{"a suspended directory with another key", suspended, "Bearer " + w.keys[directory].Reveal()},
		{"no directory id", "nonsense", "Bearer " + w.keys[directory].Reveal()},
		{"mistyped key", directory, "Bearer " + string(mistyped)},
		{"no key's form", directory, "Bearer secret"},
		{"empty token", directory, "Bearer"},
		{"two tokens", directory, "Bearer " + w.keys[directory].Reveal() + " x"},
	} {
		for _, path := range []string{"/Users", "/Users/" + someID, "/Nothing", "", "/ServiceProviderConfig"} {
			for _, method := range []string{"GET", "POST", "BREW"} {
				r := httptest.NewRequest(method, "/scim/v2/"+c.directory+path, strings.NewReader("not JSON"))
				r.Header.Set("Authorization", c.authorization)
				a := w.serve(r)
				if a.Code != 401 || a.Header().Get("WWW-Authenticate") != "Bearer" || a.scim.Status != "401" || a.scim.SCIMType != "" {
					t.Errorf("%s, %s %s: %d %v %s", c.name, method, path, a.Code, a.Header(), a.Body)
				}
				detail, _, _ := strings.Cut(a.scim.Detail, " (message ")
				details = append(details, detail)
			}
		}
	}
	for _, detail := range details {
		if detail != keyDetail {
			t.Errorf("a detail differs: %q", detail)
		}
	}
	if w.identity.count() != 0 {
		t.Error("identity was called")
	}
	if len(w.events.all()) != 0 {
		t.Error("a failed event was recorded")
	}
	if strings.Contains(w.logs.String(), "message") {
		t.Errorf("lines were logged: %s", w.logs)
	}
}

func TestWithoutBearerTheAnswerSaysHowToAuthenticate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := w.keys[directory].Reveal()
	for _, values := range [][]string{nil, {"Basic " + key}, {key}, {""}, {"Bearer " + key, "Bearer " + key}} {
		r := w.request("GET", "/Users", "")
		r.Header["Authorization"] = values
		a := w.serve(r)
		if a.Code != 401 || !strings.Contains(a.scim.Detail, "Authorization: Bearer ush_...") {
			t.Errorf("%q: %d %s", values, a.Code, a.scim.Detail)
		}
	}
}

func TestTheSchemeAndTheDirectoryAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("GET", "/scim/v2/"+strings.ToUpper(directory)+"/Users/"+someID, nil)
	r.Header.Set("Authorization", "bearer  "+w.keys[directory].Reveal())
	a := w.serve(r)
	if a.Code != 200 || a.Header().Get("Location") != base+"/Users/"+someID {
		t.Errorf("%d %v", a.Code, a.Header())
	}
}

func TestAKeyThatCannotBeCheckedIs503(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		fault.New(fault.Unavailable, "x"), fault.New(fault.Internal, "x"), context.DeadlineExceeded, errors.New("secret cause"),
	} {
		w := newWorld(t)
		w.loadError = err
		a := w.do("GET", "/Users", "")
		if a.Code != 503 || a.Header().Get("Retry-After") == "" || strings.Contains(a.Body.String(), "secret cause") {
			t.Errorf("%v: %d %v %s", err, a.Code, a.Header(), a.Body)
		}
		if len(w.events.all()) != 0 {
			t.Errorf("%v: a failed event was recorded", err)
		}
	}
}

func TestALeaseThatIsOverOpensNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Fatal(a.Code)
	}
	w.loadError = fault.New(fault.Unavailable, "directory is down")
	w.now = w.now.Add(4999 * time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Errorf("within the lease: %d", a.Code)
	}
	w.now = w.now.Add(time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 503 {
		t.Errorf("after the lease: %d", a.Code)
	}
	w.loadError = nil
	delete(w.keys, directory)
	r := w.request("GET", "/Users", "")
	r.Header.Set("Authorization", "Bearer "+w.revoked.Reveal())
	if a := w.serve(r); a.Code != 401 {
		t.Errorf("after the revocation: %d", a.Code)
	}
}

// Invariant 1.
func TestASuspendedDirectoryIs403(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("GET", "/scim/v2/"+suspended+"/Users", nil)
	r.Header.Set("Authorization", "Bearer "+w.keys[suspended].Reveal())
	a := w.serve(r)
	if a.Code != 403 || !strings.Contains(a.scim.Detail, "not federated") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if events := w.events.all(); len(events) != 1 || events[0].GetReason() != "ORGANIZATION_NOT_FEDERATED" {
		t.Errorf("the failed events are %v", events)
	}
}

func TestAPathOutsideEveryDirectoryIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/", "/scim/v2", "/scim/v2/", "/scim", "/healthz", "/scim/v1/x/Users"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+w.keys[directory].Reveal())
		if a := w.serve(r); a.Code != 404 {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
}

func TestAKeyIsCheckedBeforeABodyIsRequested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequest("POST", "/scim/v2/"+directory+"/Users", broken{})
	r.Header.Set("Authorization", "Bearer "+w.revoked.Reveal())
	r.ContentLength = 1 << 40
	if a := w.serve(r); a.Code != 401 {
		t.Errorf("%d: %s", a.Code, a.Body)
	}
}
