package simulate

import (
	"context"
	"errors"
	"sync"
)

// run is one run of the plan against one server, with everything that an IdP would remember.
type run struct {
	cfg     Config
	plan    *plan
	client  *client
	rec     *recorder
	dialect dialect

	mu       sync.Mutex
	userIDs  []string // ids at the server, "" while unknown
	managers []string // for each user, the manager's id that the server has
	groups   []groupHandle
	// The indexes that failed in an earlier pass and are tried again in the next one, by phase.
	dirty map[string]map[int]bool
}

// groupHandle is a group at the server.
type groupHandle struct {
	id   string
	name string
	have map[int]string // members that this run added: user index to the sent id
}

// dialect is what differs between the IdPs.
type dialect interface {
	connectionTest(ctx context.Context, r *run) error
	// userFilters are the filters that find a user, the usual one first. The others replace the memory of an IdP.
	userFilters(p *plan, index int, want userState) []string
	userQuery(filter string) string
	newUser(r *run, cycle, index int, want userState) document
	// updateUser brings the server's document to the wanted state. errVanished: the user does not exist.
	updateUser(ctx context.Context, r *run, cycle, index int, id string, doc document, want userState) error
	// linksManagers reports whether managers are sent in a separate pass, when every user has an id.
	linksManagers() bool
	updateManager(ctx context.Context, r *run, cycle, index int, id, manager string) error
	groupQuery(filter string) string
	// newGroup returns the document, and the members in it.
	newGroup(r *run, cycle, index int, want groupState) (document, map[int]string)
	// updateGroup corrects name and members. adopted: the members at the server are unknown.
	updateGroup(ctx context.Context, r *run, cycle, index int, id string, want groupState, adopted bool) error
}

const (
	phaseUsers    = "users"
	phaseManagers = "managers"
	phaseGroups   = "groups"
)

func newRun(s *Simulation) *run {
	rec := newRecorder(s.cfg.Retry.Now, s.cfg.StopAfter)
	last := s.plan.cycles[len(s.plan.cycles)-1]
	r := &run{
		cfg: s.cfg, plan: s.plan, rec: rec,
		client: &client{
			base: s.base, key: s.cfg.Key, agent: "usher-simulate (" + string(s.cfg.IdP) + ")", http: s.cfg.HTTPClient,
			timeout: s.cfg.Timeout, retry: s.cfg.Retry, rec: rec,
		},
		userIDs:  make([]string, len(last.users)),
		managers: make([]string, len(last.users)),
		groups:   make([]groupHandle, len(last.groups)),
		dirty:    map[string]map[int]bool{phaseUsers: {}, phaseManagers: {}, phaseGroups: {}},
	}
	for i := range r.groups {
		r.groups[i].have = map[int]string{}
	}
	if s.cfg.IdP == Okta {
		r.dialect = okta{}
	} else {
		r.dialect = entra{}
	}
	return r
}

func (r *run) all(ctx context.Context) error {
	if err := r.dialect.connectionTest(ctx, r); err != nil {
		return err
	}
	for cycle := range r.plan.cycles {
		if err := r.cycle(ctx, cycle); err != nil {
			return err
		}
	}
	if r.unsettled() > 0 { // the next cycle of an IdP would try again; one repetition is enough here
		return r.cycle(ctx, len(r.plan.cycles)-1)
	}
	return nil
}

// cycle brings the server from one snapshot to the next: users, then their managers, then groups.
func (r *run) cycle(ctx context.Context, cycle int) error {
	now := r.plan.cycles[cycle]
	changed := func(i int) bool {
		if cycle == 0 {
			return now.users[i].presence == present
		}
		return now.users[i] != r.plan.cycles[cycle-1].users[i]
	}
	err := r.pass(ctx, cycle, phaseUsers, len(now.users), changed, r.syncUser)
	if err != nil {
		return err
	}
	if r.dialect.linksManagers() {
		outdated := func(i int) bool {
			want, known := r.manager(cycle, i)
			return now.users[i].presence == present && (!known || want != r.knownManager(i))
		}
		if err := r.pass(ctx, cycle, phaseManagers, len(now.users), outdated, r.syncManager); err != nil {
			return err
		}
	}
	exists := func(g int) bool {
		return now.groups[g].presence == present ||
			now.groups[g].presence == gone && r.plan.cycles[cycle-1].groups[g].presence == present
	}
	return r.pass(ctx, cycle, phaseGroups, len(now.groups), exists, r.syncGroup)
}

// pass processes one kind of resource in parallel. It returns early only with an error that ends the run.
func (r *run) pass(
	ctx context.Context, cycle int, phase string, n int, due func(int) bool, do func(context.Context, int, int) error,
) error {
	var items []int
	for i := range n {
		if r.dirty[phase][i] || due(i) {
			items = append(items, i)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var progress sync.Mutex
	done := 0
	tell := func() {
		if r.cfg.Progress != nil {
			r.cfg.Progress(Progress{
				Cycle: cycle, Cycles: len(r.plan.cycles) - 1, Phase: phase, Done: done, Total: len(items),
				Requests: r.rec.requests(),
			})
		}
	}
	tell()

	queue := make(chan int)
	var workers sync.WaitGroup
	for range min(r.cfg.Concurrency, len(items)) {
		workers.Go(func() {
			for i := range queue {
				err := do(ctx, cycle, i)
				if err != nil && !errors.Is(err, errGaveUp) {
					cancel(err)
					return
				}
				r.mark(phase, i, err != nil)
				progress.Lock()
				done++
				tell()
				progress.Unlock()
			}
		})
	}
feed:
	for _, i := range items {
		select {
		case queue <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

func (r *run) mark(phase string, i int, dirty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if dirty {
		r.dirty[phase][i] = true
	} else {
		delete(r.dirty[phase], i)
	}
}

// unsettled counts users and groups that are not in their expected state.
func (r *run) unsettled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	users := len(r.dirty[phaseUsers])
	for i := range r.dirty[phaseManagers] {
		if !r.dirty[phaseUsers][i] {
			users++
		}
	}
	return users + len(r.dirty[phaseGroups])
}
