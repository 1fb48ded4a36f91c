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

// bulk executes many operations, one after another (RFC 7644 §3.7). Each one is checked, and fails, as a message of its own would; a
// completed operation stays, even if others fail. The results are in the order of the request, although the resources that an operation
// refers to are created before it.
func (h *Handler) bulk(ctx context.Context, m *message) (*response, error) {
	document, err := m.body.all(h.config.MaxBulkBytes, &m.reserved)
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

// bulk is the state of one Bulk.
type bulk struct {
	handler      *Handler
	message      *message
	failOnErrors int
	steps        []*bulkStep
	creates      map[string]*bulkStep // by bulkId: the steps that others may refer to
	unlinked     []*bulkStep          // created without a reference of a cycle, which is still to be added
	failed       int
	over         error       // why no further operation is started
	late         []*bulkStep // the steps that were not started for this reason
	cursor       string      // of the last change
}

// bulkStep is the state of one operation.
type bulkStep struct {
	*bulkOperation
	needs    []*bulkStep // the steps that create resources it refers to
	needed   map[*bulkStep]bool
	begun    bool
	done     bool
	start    time.Time
	route    route       // the route that it would have as a message of its own
	missing  []*bulkStep // those of needs that did not exist when it was created
	id       string      // of the resource that a POST created
	etag     string
	location string
	status   int
	problem  *problem // why it failed
}

// add prepares an operation. References are resolved after all operations were added.
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

// ended reports whether there were as many errors as the client accepts.
func (b *bulk) ended() bool { return b.failOnErrors > 0 && b.failed >= b.failOnErrors }

// run executes a step, after the steps that create what it refers to. If such a step is already running, the references form a cycle (RFC
// 7644 §3.7.1). Then the resource is created without the reference, which is added when its target exists.
func (b *bulk) run(ctx context.Context, step *bulkStep) {
	if step.begun {
		return
	}
	step.begun = true
	b.begin(step, step.method, step.path)
	err := b.findNeeds(step)
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

// findNeeds finds the steps that a step refers to.
func (b *bulk) findNeeds(step *bulkStep) error {
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

// send replaces bulkIds by ids, and executes the operation in the same way as a message.
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

// asPatchOp adds `schemas` to the data of a PATCH if it is missing, as in the example of RFC 7644 §3.7.3 and in clients that follow the
// example.
func asPatchOp(data []byte) []byte {
	members, err := objectMembers(data)
	if err != nil || members["schemas"] != nil || len(members) == 0 {
		return data // valid, or refused as it is
	}
	return fmt.Appendf(nil, `{"schemas":[%q],%s`, scim.PatchOpSchema, bytes.TrimLeft(bytes.TrimSpace(data)[1:], " \t\r\n"))
}

// begin starts a step, whose method and path give its route.
func (b *bulk) begin(step *bulkStep, method, path string) {
	step.start = b.handler.d.Now()
	step.route = parseRoute(traced.Method(method), prefix+b.message.route.directory+"/"+path)
}

// name returns the name of a step in logs and failed events.
func (b *bulk) name(step *bulkStep) string {
	return b.message.route.operation() + ": " + step.route.operation()
}

// bulkID returns the bulkId in the path of an operation, if there is one. The path of a POST is a collection.
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

// pace waits until the directory's rate allows another operation, so that a Bulk does not bypass the rate. If there is not enough time
// left, the operation is not started.
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

// errLate is the error of an operation that was not started.
var errLate = fault.New(fault.Deadline, "The time for the whole request was over, or its client gone, before this operation began. "+
	"Send it again, with fewer operations at a time.")

// tellLate records one failed event for all operations that were not started: there may be a thousand of them, with the same information.
func (b *bulk) tellLate(ctx context.Context) {
	if len(b.late) == 0 {
		return
	}
	p, what := *problemOf(b.over), b.message.route.operation()
	p.detail = fmt.Sprintf("%d of %d operations, the first of them %s, were not started. %s",
		len(b.late), len(b.steps), b.late[0].route.operation(), p.detail)
	b.handler.log(ctx, b.message, what, p.status, b.handler.d.Now().Sub(b.message.start), &p, b.over)
	b.handler.fail(ctx, b.message, what, b.message.route, nil, &p)
}

func (b *bulk) succeeded(step *bulkStep, answer *response) {
	step.status, step.etag = answer.status, answer.etag
	if step.location = answer.location; step.location == "" {
		step.location = b.message.location(step.route.kind, step.route.id) // of the resource that a DELETE removed
	}
	if step.route.verb == verbCreate {
		step.id = answer.location[strings.LastIndexByte(answer.location, '/')+1:]
	}
	if answer.cursor != "" {
		b.cursor = answer.cursor
	}
}

// fail records that a step failed. It is a failed event, as a failed message is.
func (b *bulk) fail(ctx context.Context, step *bulkStep, err error) {
	p := problemOf(err)
	step.problem, step.status = p, p.status
	if at := step.route; at.endpoint == resourceEndpoint && !strings.HasPrefix(at.id, bulkIDPrefix) {
		step.location = b.message.location(at.kind, url.PathEscape(at.id))
	}
	b.failed++
	if b.over != nil && errors.Is(err, b.over) && step.id == "" { // otherwise it was created, and only a reference of a cycle is missing
		b.late = append(b.late, step)
		return
	}
	b.handler.log(ctx, b.message, b.name(step), p.status, b.handler.d.Now().Sub(step.start), p, err)
	b.handler.fail(ctx, b.message, b.name(step), step.route, step.data, p)
}

// link adds the references that were missing when steps were executed.
func (b *bulk) link(ctx context.Context) {
	b.unlinked = slices.DeleteFunc(b.unlinked, func(step *bulkStep) bool {
		if slices.ContainsFunc(step.missing, func(missing *bulkStep) bool { return !missing.done }) {
			return false
		}
		method, data := linking(step)
		if method == http.MethodPut {
			step.version = step.etag // others may have changed it meanwhile, and their change must not be lost
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
		step.status = status // the status of the POST
		return true
	})
}

// linking returns the operation that adds the missing references to a resource: a PUT with everything that was sent. For a group it only
// adds members, because replacing them would end memberships that an adopted group carries.
func linking(step *bulkStep) (method string, data []byte) {
	if step.route.kind == groups {
		if sent, err := objectMembers(step.data); err == nil && sent["members"] != nil {
			return http.MethodPatch, fmt.Appendf(nil, `{"Operations":[{"op":"add","path":"members","value":%s}]}`, sent["members"])
		}
	}
	return http.MethodPut, step.data
}

// unlinked returns the problem of a resource that was created, but whose references of a cycle could not be added.
func unlinked(why string) *problem {
	return &problem{
		status: http.StatusConflict, reason: fault.InvalidValue,
		detail: "The resource was created, but without the references that form a cycle: " + why,
		remedy: "Let the identity provider send the resource again without the circle, such as groups that are members of each other.",
	}
}

// response reports all operations that were executed or tried.
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
