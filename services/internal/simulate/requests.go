package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// find returns the first resource that the filter `attribute eq "value"` matches, or nil.
func (r *run) find(ctx context.Context, path, filter string) (document, error) {
	resp, err := r.client.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	if resp.status == http.StatusNotFound { // some servers mean "none" by this
		return nil, nil
	}
	if resp.status != http.StatusOK || resp.body == nil {
		return nil, r.client.refuse(resp)
	}
	list, _ := resp.body["Resources"].([]any)
	attribute, _, _ := strings.Cut(filter, " ")
	for _, element := range list {
		// A server may ignore the filter: then this must not change another user.
		if found, _ := element.(map[string]any); strings.EqualFold(equals(attribute, document(found).text(attribute)), filter) {
			return found, nil
		}
	}
	return nil, nil
}

// create searches for a resource, and creates a missing one by POST. If find succeeds at any time, created is false.
func (r *run) create(
	ctx context.Context, path string, find recheck, body func() document,
) (created bool, doc document, err error) {
	if found, err := find(ctx); err != nil || found {
		return false, nil, err
	}
	resp, err := r.client.send(ctx, http.MethodPost, path, body(), find)
	switch {
	case errors.Is(err, errFound):
		return false, nil, nil
	case err != nil:
		return false, nil, err
	case resp.status == http.StatusConflict:
		if found, err := find(ctx); err != nil || found {
			return false, nil, err
		}
		return false, nil, r.client.refuse(resp)
	case !resp.ok() || resp.body.text("id") == "":
		return false, nil, r.client.refuse(resp)
	}
	return true, resp.body, nil
}

// delete deletes a resource. A missing one is not an error.
func (r *run) delete(ctx context.Context, path string) error {
	resp, err := r.client.send(ctx, http.MethodDelete, path, nil, nil)
	if err != nil {
		return err
	}
	if !resp.ok() && resp.status != http.StatusNotFound {
		return r.client.refuse(resp)
	}
	return nil
}

// write sends a PUT or PATCH. errVanished: the resource does not exist.
func (r *run) write(ctx context.Context, method, path string, body document) error {
	resp, err := r.client.send(ctx, method, path, body, nil)
	switch {
	case err != nil:
		return err
	case resp.status == http.StatusNotFound:
		return errVanished
	case !resp.ok():
		return r.client.refuse(resp)
	}
	return nil
}

// expel removes members. If the server says that there is nothing to remove, it tries each member alone: a member that an
// earlier attempt removed must not keep the others in the group.
func (r *run) expel(ctx context.Context, g int, id string, members []member, body func([]member) document) error {
	resp, err := r.client.send(ctx, http.MethodPatch, groupPath(id), body(members), nil)
	switch {
	case err != nil:
		return err
	case resp.status == http.StatusNotFound:
		return errVanished
	case resp.status == http.StatusBadRequest && resp.body.text("scimType") == "noTarget":
		if len(members) > 1 {
			for _, m := range members {
				if err := r.expel(ctx, g, id, []member{m}, body); err != nil {
					return err
				}
			}
		}
	case !resp.ok():
		return r.client.refuse(resp)
	}
	r.left(g, members)
	return nil
}

// probe is a connection test: a list request that must be answered with a list.
func (r *run) probe(ctx context.Context, path string, accept func(total float64) bool) error {
	resp, err := r.client.send(ctx, http.MethodGet, path, nil, nil)
	if errors.Is(err, errGaveUp) {
		return fmt.Errorf("%w: no usable answer", ErrConnectionTest)
	}
	if err != nil {
		return err
	}
	total, isNumber := resp.body["totalResults"].(float64)
	if resp.status != http.StatusOK || !isNumber || !accept(total) {
		_ = r.client.refuse(resp) // the run ends anyway; this adds the response to the report
		return fmt.Errorf("%w: status %d, and not the expected list", ErrConnectionTest, resp.status)
	}
	return nil
}
