package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
)

const (
	mediaType       = "application/scim+json"
	messageIDHeader = "Usher-Message-Id"
	maxAnswer       = 128 << 20 // bytes; a response with a group of a million members fits
	maxDetail       = 500       // characters of a failure's detail
)

var (
	// errGaveUp means that one request failed for good, and is in the report; the run continues with the next resource.
	errGaveUp = errors.New("gave up")
	// errFound means that a request was about to be repeated, and its effect exists already.
	errFound = errors.New("found")
	// errVanished means that the resource of a request does not exist.
	errVanished = errors.New("the resource does not exist")
)

// client sends SCIM requests, and retries like an IdP.
type client struct {
	base    *url.URL
	key     secret.Text
	agent   string
	http    *http.Client
	timeout time.Duration
	retry   RetryPolicy
	rec     *recorder
}

// response is a response that no retry would change.
type response struct {
	method, path string
	status       int
	header       http.Header
	body         document // nil without a JSON object
	attempts     int
}

// recheck reports whether a request with an unknown outcome had its effect. It is called before the request is repeated.
type recheck func(ctx context.Context) (bool, error)

// send returns the first response that is not a temporary failure, also errors of the 400s. Its own errors are errGaveUp
// (recorded), errFound, ErrUnauthorized, ErrStopped and the context's error.
func (c *client) send(ctx context.Context, method, path string, body document, again recheck) (*response, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encoding a request: %w", err)
		}
	}
	for attempt := 1; ; attempt++ {
		if err := c.rec.admit(attempt > 1); err != nil {
			return nil, err
		}
		resp, err := c.once(ctx, method, path, payload)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failure := Failure{Method: method, Path: path, Attempts: attempt}
		var header http.Header
		if err != nil {
			c.rec.answered(0)
			failure.Detail = reason(err)
		} else {
			resp.attempts, header = attempt, resp.header
			c.rec.answered(resp.status)
			failure = resp.failure()
			switch {
			case resp.status == http.StatusUnauthorized, resp.status == http.StatusForbidden:
				c.rec.failed(failure)
				return nil, fmt.Errorf("%w (status %d)", ErrUnauthorized, resp.status)
			case !worthRetrying(resp.status):
				return resp, nil
			}
		}
		if attempt >= c.retry.Attempts {
			c.rec.failed(failure)
			return nil, errGaveUp
		}
		if !c.retry.Wait(ctx, c.retry.delay(attempt, header)) {
			return nil, ctx.Err()
		}
		if again != nil && failure.Status != http.StatusTooManyRequests { // a 429 certainly changed nothing
			if found, err := again(ctx); err != nil {
				return nil, err
			} else if found {
				return nil, errFound
			}
		}
	}
}

// once makes one attempt.
func (c *client) once(ctx context.Context, method, path string, payload []byte) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base.String(), "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key.Reveal())
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", c.agent)
	if payload != nil {
		req.Header.Set("Content-Type", mediaType+"; charset=utf-8")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	resp := &response{method: method, path: path, status: answer.StatusCode, header: answer.Header}
	if json.Unmarshal(raw, &resp.body) != nil {
		resp.body = nil
	}
	return resp, nil
}

// refuse records a response that the caller cannot use.
func (c *client) refuse(resp *response) error {
	c.rec.failed(resp.failure())
	return errGaveUp
}

func (r *response) failure() Failure {
	return Failure{
		Method: r.method, Path: r.path, Status: r.status, MessageID: r.header.Get(messageIDHeader),
		Detail: shorten(r.body.text("detail")), Attempts: r.attempts,
	}
}

func (r *response) ok() bool { return r.status >= 200 && r.status < 300 }

// reason returns an error's text without the URL that net/http adds, because Failure has the path.
func reason(err error) string {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return shorten(err.Error())
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxDetail {
		return string(r[:maxDetail]) + "…"
	}
	return s
}

// --- Paths ---

// equals returns the filter `attribute eq "value"`. The value is a JSON string (RFC 7644 §3.4.2.2).
func equals(attribute, value string) string {
	var quoted bytes.Buffer
	enc := json.NewEncoder(&quoted)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value) // a string always encodes
	return attribute + " eq " + strings.TrimSpace(quoted.String())
}

// query escapes a query's value, with spaces as %20, as both IdPs send it.
func query(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

func userPath(id string) string  { return "/Users/" + url.PathEscape(id) }
func groupPath(id string) string { return "/Groups/" + url.PathEscape(id) }
