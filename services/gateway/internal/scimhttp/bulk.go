package scimhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/wait"
)

// bulk carries out many operations, one after another (RFC 7644 §3.7). Each is checked, and fails, as a message of its own
// would; what one did stays, whatever becomes of the others. Results come in the order of the request, though what an
// operation refers to is created before it.
func (h *Handler) bulk(ctx context.Context, m *message) (*response, error) {
	document, err := m.body.all(h.config.MaxBulkBytes, &m.hold)
	if err != nil {
		return nil, err
	}
	ctx = m.restart(ctx, &m.body, h.config.RequestTimeout)
	request, err := parseBulk(document, h.config.MaxBulkOperations)
	if err != nil {
		return nil, err
	}
	b := &bulk{handler: h, message: m, failOnErrors: request.failOnErrors, creates: map[string]*bulkStep{}}
	for _, operation := range request.operations {
		b.add(operation)
	}
	for _, step := range b.steps {
		if b.ended() {
			break
		}
		b.run(ctx, step)
	}
	for _, step := range b.unlinked {
		b.fail(ctx, step, unlinked("failOnErrors ended the request before."))
	}
	b.tellLate(ctx)
	return b.response()
}

// bulk is one Bulk on its way.
type bulk struct {
	handler      *Handler
	message      *message
	failOnErrors int
	steps        []*bulkStep
	creates      map[string]*bulkStep // by bulkId: what may be referred to
	unlinked     []*bulkStep          // created without a reference of a cycle that is still to be added
	failed       int
	over         error       // why no operation is begun any more
	late         []*bulkStep // not begun for that
	cursor       string      // of the last change
}

// bulkStep is one operation on its way.
type bulkStep struct {
	*bulkOperation
	needs    []*bulkStep // what is to be created before it
	needed   map[*bulkStep]bool
	begun    bool
	done     bool
	start    time.Time
	route    route       // that of the message that it would be by itself
	missing  []*bulkStep // those of needs that it was created without
	id       string      // what a POST created
	etag     string
	location string
	status   int
	problem  *problem // why it failed
}

// add prepares an operation: what it refers to is looked up when all have been added.
func (b *bulk) add(operation *bulkOperation) {
	step := &bulkStep{bulkOperation: operation}
	b.steps = append(b.steps, step)
	if operation.refused != nil || operation.method != http.MethodPost {
		return
	}
	if b.creates[operation.bulkID] != nil {
		operation.refused = invalidValue("Another operation of this request has the same bulkId.")
		return
	}
	b.creates[operation.bulkID] = step
}

// ended says whether there were as many errors as the client takes.
func (b *bulk) ended() bool { return b.failOnErrors > 0 && b.failed >= b.failOnErrors }

// run carries out a step, and before it those that create what it refers to. Where such a step is under way itself, the
// references go round in a circle (RFC 7644 §3.7.1): then the resource is created without the reference, which is added
// as soon as there is something to refer to.
func (b *bulk) run(ctx context.Context, step *bulkStep) {
	if step.begun {
		return
	}
	step.begun = true
	b.begin(step, step.method, step.path)
	err := b.look(step)
	if err == nil {
		for _, needed := range step.needs {
			if needed.begun && !needed.done {
				step.missing = append(step.missing, needed)
				continue
			}
			b.run(ctx, needed)
			if b.ended() {
				step.begun = false
				return
			}
		}
		var answer *response
		if answer, err = b.send(ctx, step, step.method, step.path, step.data); err == nil {
			b.succeeded(step, answer)
		}
	}
	if err != nil {
		b.fail(ctx, step, err)
	}
	step.done = true
	if step.problem == nil && len(step.missing) > 0 {
		b.unlinked = append(b.unlinked, step)
	}
	b.link(ctx)
}

// look finds what a step refers to.
func (b *bulk) look(step *bulkStep) error {
	if step.refused != nil {
		return step.refused
	}
	var missing *string
	need := func(bulkID string) {
		if needed := b.creates[bulkID]; needed == nil {
			if missing == nil {
				missing = &bulkID
			}
		} else if !step.needed[needed] {
			if step.needed == nil {
				step.needed = map[*bulkStep]bool{}
			}
			step.needed[needed] = true
			step.needs = append(step.needs, needed)
		}
	}
	references(step.data, need)
	if bulkID, ok := step.route.bulkID(); ok {
		need(bulkID)
	}
	if missing != nil {
		return invalidValue(fmt.Sprintf("The operation refers to the bulkId %q, which no POST of this request has.", cut(*missing, maxBulkID)))
	}
	return nil
}

// send puts ids in the place of bulkIds, and carries out the operation as a message's is.
func (b *bulk) send(ctx context.Context, step *bulkStep, method, path string, data []byte) (answer *response, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for _, needed := range step.needs {
		switch {
		case !needed.done || needed.id != "":
		case b.over != nil && slices.Contains(b.late, needed):
			return nil, b.over
		default:
			return nil, &problem{
				status: http.StatusConflict, reason: fault.InvalidValue,
				detail: fmt.Sprintf("The operation refers to the bulkId %q, whose operation failed.", needed.bulkID),
				remedy: "Look at the failed event of the operation that has this bulkId, and send both again.",
			}
		}
	}
	data = resolve(data, func(bulkID string) (string, bool) {
		id := b.creates[bulkID].id
		return id, id != ""
	})
	b.begin(step, method, path)
	if step.route.verb == verbPatch {
		data = asPatchOp(data)
	}
	if bulkID, ok := step.route.bulkID(); ok {
		step.route.id = b.creates[bulkID].id
	}
	return b.do(ctx, step, data)
}

// asPatchOp gives the data of a PATCH the `schemas` that the example of RFC 7644 §3.7.3, and clients after it, leave out.
func asPatchOp(data []byte) []byte {
	members, err := objectMembers(data)
	if err != nil || members["schemas"] != nil || len(members) == 0 {
		return data // right, or refused as it is
	}
	return fmt.Appendf(nil, `{"schemas":[%q],%s`, scim.PatchOpSchema, bytes.TrimLeft(bytes.TrimSpace(data)[1:], " \t\r\n"))
}

// begin says what a step does from here on.
func (b *bulk) begin(step *bulkStep, method, path string) {
	step.start = b.handler.d.Now()
	step.route = parseRoute(traced.Method(method), prefix+b.message.route.directory+"/"+path)
}

// name is how logs and failed events name a step.
func (b *bulk) name(step *bulkStep) string {
	return b.message.route.operation() + ": " + step.route.operation()
}

// bulkID is what the path of an operation refers to, if it does. That of a POST is a collection.
func (r route) bulkID() (string, bool) {
	bulkID, ok := strings.CutPrefix(r.id, bulkIDPrefix)
	return bulkID, ok && r.method != http.MethodPost
}

func (b *bulk) do(ctx context.Context, step *bulkStep, data []byte) (*response, error) {
	switch at := step.route.endpoint; {
	case at == collectionEndpoint:
	case at == resourceEndpoint && step.route.verb != verbNone:
	default:
		return nil, invalidValue("path must be /Users or /Groups of a POST, and /Users/{id} or /Groups/{id} else.")
	}
	if b.over == nil {
		b.over = b.pace(ctx)
	}
	if b.over != nil {
		return nil, b.over
	}
	var versions []string
	if step.version != "" {
		versions = []string{step.version}
	}
	o, err := operationOf(step.route, step.query, versions, &body{data: data})
	if err != nil {
		return nil, err
	}
	o.inBulk = true
	answer, err := b.handler.do(ctx, b.message, o)
	if errors.As(err, new(noMore)) {
		b.over = err
	}
	return answer, err
}

// pace waits until the directory's rate lets another operation in: a Bulk is no way around it. What finds no time left is
// not begun.
func (b *bulk) pace(ctx context.Context) error {
	for ctx.Err() == nil {
		delay, ok := b.handler.rates.admit(ctx, b.message.lease.DirectoryID, b.handler.d.Now())
		if ok {
			return nil
		}
		if until, bounded := ctx.Deadline(); bounded && delay > time.Until(until) {
			break
		}
		wait.Sleep(ctx, max(delay, time.Millisecond))
	}
	return errLate
}

// errLate is of an operation that was not begun.
var errLate = fault.New(fault.Deadline, "The time for the whole request was over, or its client gone, before this operation began. "+
	"Send it again, with fewer operations at a time.")

// tellLate makes one failed event of all operations that were not begun: they may be a thousand, and all that is to be told is
// the same.
func (b *bulk) tellLate(ctx context.Context) {
	if len(b.late) == 0 {
		return
	}
	p, what := *problemOf(b.over), b.message.route.operation()
	p.detail = fmt.Sprintf("%d of %d operations, the first of them %s, were not begun. %s",
		len(b.late), len(b.steps), b.late[0].route.operation(), p.detail)
	b.handler.log(ctx, b.message, what, p.status, b.handler.d.Now().Sub(b.message.start), &p, b.over)
	b.handler.d.Events.Record(ctx, b.handler.event(ctx, b.message, what, b.message.route, &p))
}

func (b *bulk) succeeded(step *bulkStep, answer *response) {
	step.status, step.etag = answer.status, answer.etag
	if step.location = answer.location; step.location == "" {
		step.location = b.message.location(step.route.kind, step.route.id) // of what a DELETE removed
	}
	if step.route.verb == verbCreate {
		step.id = answer.location[strings.LastIndexByte(answer.location, '/')+1:]
	}
	if answer.cursor != "" {
		b.cursor = answer.cursor
	}
}

// fail notes that a step failed. It is a failed event as a failed message is.
func (b *bulk) fail(ctx context.Context, step *bulkStep, err error) {
	p := problemOf(err)
	step.problem, step.status = p, p.status
	if at := step.route; at.endpoint == resourceEndpoint && !strings.HasPrefix(at.id, bulkIDPrefix) {
		step.location = b.message.location(at.kind, url.PathEscape(at.id))
	}
	b.failed++
	if b.over != nil && errors.Is(err, b.over) && step.id == "" { // else it was created, and lacks what would close a circle
		b.late = append(b.late, step)
		return
	}
	b.handler.log(ctx, b.message, b.name(step), p.status, b.handler.d.Now().Sub(step.start), p, err)
	b.handler.d.Events.Record(ctx, b.handler.event(ctx, b.message, b.name(step), step.route, p))
}

// link adds the references that steps were created without, once these were settled.
func (b *bulk) link(ctx context.Context) {
	b.unlinked = slices.DeleteFunc(b.unlinked, func(step *bulkStep) bool {
		if slices.ContainsFunc(step.missing, func(missing *bulkStep) bool { return !missing.done }) {
			return false
		}
		method, data := linking(step)
		if method == http.MethodPut {
			step.version = step.etag // others may have changed it since, which must not be lost
		}
		answer, err := b.send(ctx, step, method, step.path+"/"+step.id, data)
		if err != nil {
			of := problemOf(err)
			p := unlinked(of.detail)
			if of.status >= http.StatusInternalServerError {
				p.status, p.reason, p.retryAfter = of.status, of.reason, of.retryAfter
			}
			b.fail(ctx, step, fmt.Errorf("%w: %w", p, err))
			return true
		}
		status := step.status
		b.succeeded(step, answer)
		step.status = status // that of the POST
		return true
	})
}

// linking is how what a step created gets the references that it lacks: by all that was sent. To a group members are only
// added, since replacing them would end memberships that an adopted one carries.
func linking(step *bulkStep) (method string, data []byte) {
	if step.route.kind == groups {
		if sent, err := objectMembers(step.data); err == nil && sent["members"] != nil {
			return http.MethodPatch, fmt.Appendf(nil, `{"Operations":[{"op":"add","path":"members","value":%s}]}`, sent["members"])
		}
	}
	return http.MethodPut, step.data
}

// unlinked is the problem of a resource that was created and lacks references that go round in a circle.
func unlinked(why string) *problem {
	return &problem{
		status: http.StatusConflict, reason: fault.InvalidValue,
		detail: "The resource was created, but without what refers in a circle: " + why,
		remedy: "Let the identity provider send the resource again without the circle, such as groups that are members of each other.",
	}
}

// response tells of all operations that were carried out, or tried.
func (b *bulk) response() (*response, error) {
	type result struct {
		Method   string          `json:"method"`
		BulkID   string          `json:"bulkId,omitempty"`
		Version  string          `json:"version,omitempty"`
		Location string          `json:"location,omitempty"`
		Status   string          `json:"status"`
		Response json.RawMessage `json:"response,omitempty"`
	}
	results := make([]result, 0, len(b.steps))
	for _, step := range b.steps {
		if !step.done {
			continue
		}
		one := result{
			Method: step.method, BulkID: step.bulkID, Version: step.etag, Location: step.location, Status: strconv.Itoa(step.status),
		}
		if step.problem != nil {
			one.Response = step.problem.json(b.message.id)
		}
		results = append(results, one)
	}
	body, err := json.Marshal(struct {
		Schemas    []string `json:"schemas"`
		Operations []result `json:"Operations"`
	}{[]string{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}, results})
	if err != nil {
		return nil, err
	}
	return &response{status: http.StatusOK, cursor: b.cursor, body: body}, nil
}
