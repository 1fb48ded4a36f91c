package scimhttp

import "testing"

func TestAnAnswerIsOfATypeThatTheClientReads(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                                  "application/scim+json",
		"application/scim+json":             "application/scim+json",
		"*/*":                               "application/scim+json",
		"application/json":                  "application/json",
		"Application/JSON; charset=utf-8":   "application/json",
		"text/html, application/json;q=0.9": "application/json",
		"application/json, text/plain, */*": "application/scim+json",
		"application/json, application/scim+json": "application/scim+json",
		"application/json, application/*;q=0.1":   "application/scim+json",
		"text/html":                               "application/scim+json",
		";;":                                      "application/scim+json",
		"application/scim+json; charset=iso8859-1": "application/scim+json",
	} {
		t.Run(accept, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for path, status := range map[string]int{"/Users/" + someID: 200, "/Schemas": 200, "/Bulk": 405} {
				r := w.request("GET", path, "", "Accept", accept)
				a := w.serveAs(r, want)
				if a.Code != status || a.Header().Get("Content-Type") != want {
					t.Errorf("%s: %d of type %q", path, a.Code, a.Header().Get("Content-Type"))
				}
			}
			a := w.serveAs(w.request("DELETE", "/Users/"+someID, "", "Accept", accept), want)
			if a.Code != 204 || a.Header().Get("Content-Type") != "" {
				t.Errorf("nothing is of type %q", a.Header().Get("Content-Type"))
			}
		})
	}
}

func TestABodyIsAcceptedInEachOfItsMediaTypes(t *testing.T) {
	t.Parallel()
	for _, given := range []string{
		"", "application/scim+json", "application/json", "application/scim+json; charset=utf-8",
		"application/json;charset=UTF-8", `Application/JSON; charset="utf-8"`,
	} {
		w := newWorld(t)
		r := w.request("POST", "/Users", "{}")
		r.Header.Set("Content-Type", given)
		if a := w.serve(r); a.Code != 201 {
			t.Errorf("%q: %d: %s", given, a.Code, a.Body)
		}
	}
}
