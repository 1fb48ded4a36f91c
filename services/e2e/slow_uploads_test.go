package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Uploads that announce the largest group, and send a little of it, hold no room that another directory's needs.
// Invariant 15.
func TestUploadsThatStandStillDelayNobody(t *testing.T) {
	t.Parallel()
	u := deploy(t, plan{})
	slow, other := u.newDirectory(nil), u.newDirectory(nil)
	host, path, _ := strings.Cut(strings.TrimPrefix(slow.baseURL, "http://"), "/")
	for range 5 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := fmt.Fprintf(conn, "POST /%s/Groups HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\n"+
			"Content-Length: %d\r\n\r\n{%s", path, host, slow.key, 64<<20, strings.Repeat(" ", 600<<10)); err != nil {
			t.Fatal(err)
		}
	}
	large := aGroup(`"externalId":"a"` + strings.Repeat(" ", 5<<20))
	for _, d := range []*directory{other, slow} {
		a := d.send("POST", "/Groups", large, http.StatusCreated)
		if a.str("id") == "" {
			t.Errorf("it is answered with %v", a.body)
		}
	}
}
