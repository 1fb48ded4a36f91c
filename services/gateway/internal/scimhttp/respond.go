package scimhttp

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// Usher's own headers.
const (
	// MessageIDHeader contains the message ID of every response.
	MessageIDHeader = "Usher-Message-Id"
	// ChangeCursorHeader contains the position of a write in the change feed.
	ChangeCursorHeader = "Usher-Change-Cursor"
)

// response is the answer to a message.
type response struct {
	status   int
	etag     string
	location string
	cursor   string
	body     []byte
	large    *largeGroup // follows the body, and then the rest
	rest     []byte
}

// send sends the answer. For a HEAD request of a large one, it sends only the head. The error says that the answer could not be sent to its
// end.
func (a *response) send(w http.ResponseWriter, headOnly bool) error {
	h := w.Header()
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("ETag", a.etag)
	set("Location", a.location)
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusNotModified:
		set("Content-Location", a.location) // the resource is there, as meta.location says (RFC 7643 §3.1)
	}
	set(ChangeCursorHeader, a.cursor)
	if a.large == nil {
		sendBody(w, a.status, a.body)
		return nil
	}
	w.WriteHeader(a.status)
	if headOnly {
		return nil
	}
	_, _ = w.Write(a.body) // as below: if the client left, the next write says so
	if err := a.large.copyTo(w); err != nil {
		return err
	}
	_, _ = w.Write(a.rest) // the client left: nobody can receive an error
	return nil
}

// send sends the problem as a SCIM error that ends with the message ID.
func (p *problem) send(w http.ResponseWriter, messageID string) {
	h := w.Header()
	if len(p.allow) > 0 {
		h.Set("Allow", strings.Join(p.allow, ", "))
	}
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	sendBody(w, p.status, p.json(messageID))
}

// json returns the problem as a SCIM error (RFC 7644 §3.12).
func (p *problem) json(messageID string) []byte {
	body, err := json.Marshal(struct {
		Schemas  []string `json:"schemas"`
		Status   string   `json:"status"`
		SCIMType string   `json:"scimType,omitempty"`
		Detail   string   `json:"detail"`
	}{
		[]string{"urn:ietf:params:scim:api:messages:2.0:Error"}, strconv.Itoa(p.status), string(p.scimType),
		p.detail + " (message " + messageID + ")",
	})
	if err != nil {
		return nil // strings always marshal
	}
	return body
}

func sendBody(w http.ResponseWriter, status int, body []byte) {
	if len(body) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		w.Header().Del("Content-Type")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client left: nobody can receive an error
}

// listPage is a page of a list, or all of it (RFC 7644 §3.4.2).
type listPage struct {
	total     *int64 // nil if it is not known
	start     int64  // of a page by index, otherwise 0
	next      string // the cursor of the next page (RFC 9865 §2), if there is one
	documents [][]byte
	large     *largeGroup // the last one of the page, if there is one
}

// response returns the answer with the page.
func (p listPage) response() *response {
	if p.large == nil {
		return &response{status: http.StatusOK, body: p.json()}
	}
	p.documents = append(p.documents, nil)
	body := p.json()
	end := len(body) - len(listEnd)
	return &response{status: http.StatusOK, body: body[:end], large: p.large, rest: body[end:]}
}

// json joins the documents. Resources is always an array.
func (p listPage) json() []byte {
	const head = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],`
	size := len(head) + len(p.next) + 120
	for _, document := range p.documents {
		size += len(document) + 1
	}
	body := append(make([]byte, 0, size), head...)
	number := func(name string, n int64) {
		body = append(append(body, name...), ':')
		body = append(strconv.AppendInt(body, n, 10), ',')
	}
	if p.total != nil {
		number(`"totalResults"`, *p.total)
	}
	if p.start > 0 {
		number(`"startIndex"`, p.start)
	}
	number(`"itemsPerPage"`, int64(len(p.documents)))
	if p.next != "" {
		// Cursors only contain characters that need no escaping, neither in an address nor in JSON.
		body = append(strconv.AppendQuote(append(body, `"nextCursor":`...), p.next), ',')
	}
	body = append(body, `"Resources":[`...)
	for i, document := range p.documents {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, document...)
	}
	return append(body, listEnd...)
}

// listEnd ends every page.
const listEnd = "]}"
