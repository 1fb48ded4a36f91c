package simulate

import (
	"context"
	"errors"
	"net/http"
)

func (r *run) syncUser(ctx context.Context, cycle, i int) error {
	want := r.plan.cycles[cycle].users[i]
	if want.presence == gone {
		return r.deleteUser(ctx, cycle, i)
	}
	for range 3 { // another round only if the user disappeared in between
		doc, created, err := r.ensureUser(ctx, cycle, i, want)
		if err != nil || created {
			return err
		}
		err = r.dialect.updateUser(ctx, r, cycle, i, r.userID(i), doc, want)
		if !errors.Is(err, errVanished) {
			return err
		}
		r.forgetUser(i)
	}
	return errGaveUp
}

// ensureUser returns the server's user, or creates it.
func (r *run) ensureUser(ctx context.Context, cycle, i int, want userState) (doc document, created bool, err error) {
	if id := r.userID(i); id != "" {
		resp, err := r.client.send(ctx, http.MethodGet, userPath(id), nil, nil)
		switch {
		case err != nil:
			return nil, false, err
		case resp.ok() && resp.body != nil:
			return resp.body, false, nil
		case resp.status != http.StatusNotFound:
			return nil, false, r.client.refuse(resp)
		}
		r.forgetUser(i)
	}
	find := func(ctx context.Context) (bool, error) {
		for _, filter := range r.dialect.userFilters(r.plan, i, want) {
			var err error
			if doc, err = r.find(ctx, r.dialect.userQuery(filter), filter); err != nil || doc != nil {
				return doc != nil, err
			}
		}
		return false, nil
	}
	created, body, err := r.create(ctx, "/Users", find, func() document { return r.dialect.newUser(r, cycle, i, want) })
	if err != nil {
		return nil, false, err
	}
	if created {
		doc = body
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.userIDs[i] = doc.text("id")
	r.managers[i] = doc.text(enterprise + ":manager")
	return doc, created, nil
}

func (r *run) deleteUser(ctx context.Context, cycle, i int) error {
	id := r.userID(i)
	if id == "" { // never created, as far as this run knows
		for _, filter := range r.dialect.userFilters(r.plan, i, r.plan.cycles[cycle].users[i]) {
			doc, err := r.find(ctx, r.dialect.userQuery(filter), filter)
			if err != nil {
				return err
			}
			if doc != nil {
				id = doc.text("id")
				break
			}
		}
		if id == "" {
			return nil
		}
	}
	if err := r.delete(ctx, userPath(id)); err != nil {
		return err
	}
	r.forgetUser(i)
	return nil
}

func (r *run) userID(i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.userIDs[i]
}

// forgetUser records that the server has no such user, so it is in no group either.
func (r *run) forgetUser(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.userIDs[i], r.managers[i] = "", ""
	for g := range r.groups {
		delete(r.groups[g].have, i)
	}
}

// manager returns the id that a user's manager should have. known is false if the server refused the manager.
func (r *run) manager(cycle, i int) (id string, known bool) {
	m := r.plan.cycles[cycle].users[i].manager
	if m == noManager {
		return "", true
	}
	id = r.userID(m)
	return id, id != ""
}

func (r *run) knownManager(i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.managers[i]
}

func (r *run) syncManager(ctx context.Context, cycle, i int) error {
	if r.plan.cycles[cycle].users[i].presence != present {
		return nil
	}
	want, known := r.manager(cycle, i)
	id := r.userID(i)
	if id == "" || !known {
		return errGaveUp // the manager's own failure is recorded
	}
	err := r.dialect.updateManager(ctx, r, cycle, i, id, want)
	if errors.Is(err, errVanished) {
		r.forgetUser(i)
		r.mark(phaseUsers, i, true)
		return errGaveUp
	}
	if err == nil {
		r.mu.Lock()
		r.managers[i] = want
		r.mu.Unlock()
	}
	return err
}
