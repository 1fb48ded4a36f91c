package simulate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// A plan is the state of the organization after each cycle: cycles[0] after the initial one. It never changes after it was
// made.
type plan struct {
	idp    IdP
	seed   uint64
	cycles []snapshot
	// All names that a resource has in any cycle. A run that starts over must find resources that an earlier run has already
	// renamed: an IdP would remember the id, but a new process cannot.
	userNames  [][]string
	groupNames [][]string
}

// A snapshot is one state of the organization. A user or group keeps its index in every snapshot.
type snapshot struct {
	users  []userState
	groups []groupState
}

type presence uint8

const (
	absent  presence = iota // does not exist yet
	present                 // exists at the server, active or not
	gone                    // existed, and is deleted
)

const noManager = -1

// userState is comparable: no request is needed between two equal states.
type userState struct {
	presence   presence
	active     bool
	userName   string
	externalID string
	given      string
	family     string
	display    string
	title      string
	department string
	email      string
	phone      string
	employee   string // employee number
	locale     string
	manager    int    // index, or noManager
	appRole    string // Entra: a role of the application, not of Usher
}

type groupState struct {
	presence   presence
	name       string
	externalID string
	members    []int // indexes of users, ascending
}

// How much happens. Each cycle makes at least one change of each kind, if possible.
const (
	shareInactive = 0.03 // of the first users
	shareNoEmail  = 0.06 // likewise
	shareOddName  = 0.12 // userNames that are not an e-mail address
	shareChange   = 0.03 // of the users, for each kind of change in a cycle
	shareChurn    = 0.02 // of the users, who join and leave each group in a cycle
	maxExtra      = 3    // most groups of a user besides the five
)

// The initial shares of users in each of ruleGroups.
var ruleGroupShares = []float64{0.7, 0.25, 0.2, 0.06, 0.03}

func newPlan(idp IdP, users, groups, cycles int, seed uint64) *plan {
	b := &builder{
		idp: idp, taken: map[string]int{}, groupTaken: map[string]bool{},
		objectIDs: stream(seed, idp, "mapping", 0).IntN(2) == 0,
	}
	b.initial(stream(seed, idp, "initial", 0), users, groups)
	p := &plan{idp: idp, seed: seed, cycles: []snapshot{b.snapshot()}}
	for c := 1; c <= cycles; c++ {
		b.evolve(stream(seed, idp, "cycle", c))
		p.cycles = append(p.cycles, b.snapshot())
	}
	p.pad()
	return p
}

// stream returns a separate source of randomness for each purpose, so that one more cycle does not change the earlier ones.
func stream(seed uint64, idp IdP, purpose string, n int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash(string(idp), purpose, n)))
}

func hash(parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, parts...)
	return h.Sum64()
}

// pad gives all snapshots the same length, and collects all names.
func (p *plan) pad() {
	last := p.cycles[len(p.cycles)-1]
	p.userNames = make([][]string, len(last.users))
	p.groupNames = make([][]string, len(last.groups))
	for c := range p.cycles {
		s := &p.cycles[c]
		s.users = append(s.users, make([]userState, len(last.users)-len(s.users))...)
		s.groups = append(s.groups, make([]groupState, len(last.groups)-len(s.groups))...)
		for i, u := range s.users {
			if u.presence == present && !slices.Contains(p.userNames[i], u.userName) {
				p.userNames[i] = append(p.userNames[i], u.userName)
			}
		}
		for i, g := range s.groups {
			if g.presence == present && !slices.Contains(p.groupNames[i], g.name) {
				p.groupNames[i] = append(p.groupNames[i], g.name)
			}
		}
	}
}

// variant chooses one of n forms of the same change, the same one in every run.
func (p *plan) variant(n int, what string, index, cycle int) int {
	return int(hash(p.seed, what, index, cycle) % uint64(n))
}

// --- Building ---

type builder struct {
	idp        IdP
	users      []userState
	groups     []groupState
	members    []map[int]bool // by group
	taken      map[string]int // name part of the address -> how often it was used
	groupTaken map[string]bool
	objectIDs  bool // Entra: externalId is the object id instead of the mailNickname
}

func (b *builder) snapshot() snapshot {
	s := snapshot{users: slices.Clone(b.users), groups: slices.Clone(b.groups)}
	for i, set := range b.members {
		s.groups[i].members = sortedKeys(set)
	}
	return s
}

func sortedKeys(set map[int]bool) []int {
	keys := make([]int, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (b *builder) initial(rng *rand.Rand, users, groups int) {
	for g := range groups {
		b.addGroup(rng, g)
	}
	for i := range users {
		b.join(rng)
		u := &b.users[i]
		if i == 1 || rng.Float64() < shareInactive {
			u.active = false
		}
		if i == 2 || rng.Float64() < shareNoEmail {
			u.email = ""
		}
	}
}

func (b *builder) addGroup(rng *rand.Rand, index int) {
	name := ""
	if index < len(ruleGroups) {
		name = ruleGroups[index].name
		b.groupTaken[name] = true
	} else {
		name = b.groupName(rng)
	}
	g := groupState{presence: present, name: name}
	if b.idp == Entra {
		g.externalID = uuid(rng)
	}
	b.groups = append(b.groups, g)
	b.members = append(b.members, map[int]bool{})
}

func (b *builder) groupName(rng *rand.Rand) string {
	for n := 0; ; n++ {
		var name string
		switch rng.IntN(4) {
		case 0:
			name = pick(rng, departments)
		case 1:
			name = pick(rng, locations) + " Office"
		case 2:
			name = pick(rng, projects)
		default:
			name = pick(rng, departments) + " / " + pick(rng, locations)
		}
		if n > 8 { // few simple names are left
			name = fmt.Sprintf("%s %d", name, len(b.groupTaken)+1)
		}
		if !b.groupTaken[name] {
			b.groupTaken[name] = true
			return name
		}
	}
}

// join adds a user, with groups and a manager.
func (b *builder) join(rng *rand.Rand) {
	index := len(b.users)
	given, family := pick(rng, givenNames), pick(rng, familyNames)
	stem := b.unique(given.ascii + "." + family.ascii)
	u := userState{
		presence:   present,
		active:     true,
		given:      given.written,
		family:     family.written,
		title:      pick(rng, titles),
		department: pick(rng, departments),
		employee:   fmt.Sprintf("%06d", 100000+index),
		locale:     pick(rng, locales),
		manager:    noManager,
		email:      stem + "@" + pick(rng, mailDomains),
	}
	u.userName = b.userName(rng, u, stem)
	u.display = displayName(rng, u)
	switch {
	case b.idp == Okta:
		u.externalID = fmt.Sprintf("00u%017x", rng.Uint64())
	case b.objectIDs:
		u.externalID = uuid(rng)
	default:
		u.externalID = stem // the mailNickname, Entra's default mapping
	}
	if rng.Float64() < 0.4 {
		u.phone = fmt.Sprintf("+1 555 01%02d %03d", rng.IntN(100), rng.IntN(1000))
	}
	if b.idp == Entra && rng.Float64() < 0.1 {
		u.appRole = pick(rng, appRoles)
	}
	if index > 0 && rng.Float64() < 0.8 {
		u.manager = rng.IntN(min(index, 1+index/4))
		if b.users[u.manager].presence == gone {
			u.manager = noManager
		}
	}
	b.users = append(b.users, u)
	b.seat(rng, index)
}

// seat adds a new user to groups. The first few users make sure that none of the five groups is empty.
func (b *builder) seat(rng *rand.Rand, index int) {
	for g := range min(len(ruleGroups), len(b.groups)) {
		if rng.Float64() < ruleGroupShares[g] || index == 3+g {
			b.members[g][index] = true
		}
	}
	if extra := len(b.groups) - len(ruleGroups); extra > 0 {
		for range rng.IntN(min(maxExtra, extra) + 1) {
			if g := len(ruleGroups) + rng.IntN(extra); b.groups[g].presence == present {
				b.members[g][index] = true
			}
		}
	}
}

func (b *builder) unique(stem string) string {
	b.taken[stem]++
	if n := b.taken[stem]; n > 1 {
		return b.unique(fmt.Sprintf("%s%d", stem, n))
	}
	return stem
}

// userName is mostly the e-mail address, and sometimes another name that organizations use.
func (b *builder) userName(rng *rand.Rand, u userState, stem string) string {
	if rng.Float64() >= shareOddName {
		return u.email
	}
	switch rng.IntN(4) {
	case 0:
		return "E" + u.employee
	case 1:
		return strings.ReplaceAll(stem, ".", "_")
	case 2:
		return `corp\` + stem
	default:
		return b.unique(stem+"+"+strings.ToLower(u.locale[:2])) + "@" + mailDomains[0]
	}
}

func displayName(rng *rand.Rand, u userState) string {
	if rng.IntN(5) == 0 {
		return u.family + ", " + u.given + " (" + u.department + ")"
	}
	return u.given + " " + u.family
}

// evolve makes one incremental cycle. It changes a user in at most one way, so that the changes can be distinguished.
func (b *builder) evolve(rng *rand.Rand) {
	order := rng.Perm(len(b.users))
	touched := map[int]bool{}
	change := func(eligible func(u *userState) bool, apply func(i int, u *userState)) {
		left := max(1, int(shareChange*float64(len(order))))
		for _, i := range order {
			if left == 0 {
				return
			}
			if u := &b.users[i]; !touched[i] && u.presence == present && eligible(u) {
				touched[i] = true
				apply(i, u)
				left--
			}
		}
	}
	active := func(u *userState) bool { return u.active }
	inactive := func(u *userState) bool { return !u.active }

	change(inactive, func(_ int, u *userState) { u.active = true })
	if b.idp == Entra {
		deleted := map[int]bool{}
		change(inactive, func(i int, u *userState) { u.presence, deleted[i] = gone, true })
		b.forget(deleted)
	}
	change(func(u *userState) bool { return u.active && u.email == "" }, func(i int, u *userState) {
		u.email = fmt.Sprintf("mail.%s@%s", u.employee, mailDomains[0])
	})
	change(active, func(_ int, u *userState) { b.rename(rng, u) })
	change(active, func(_ int, u *userState) {
		u.department, u.title = pick(rng, departments), "Acting "+pick(rng, titles)
	})
	change(func(u *userState) bool { return u.active && u.title != "" }, func(_ int, u *userState) { u.title = "" })
	change(func(u *userState) bool { return u.active && u.manager != noManager }, func(_ int, u *userState) {
		u.manager = noManager
	})
	change(active, func(i int, u *userState) { u.manager = b.newManager(rng, i, u.manager) })
	if b.idp == Entra {
		change(func(u *userState) bool { return u.active && u.appRole == "" }, func(_ int, u *userState) {
			u.appRole = pick(rng, appRoles)
		})
	}
	change(active, func(i int, u *userState) {
		u.active = false
		if rng.IntN(2) == 0 {
			for _, set := range b.members {
				delete(set, i)
			}
		}
	})
	for range max(1, int(shareChange*float64(len(order)))) {
		b.join(rng)
	}
	b.churn(rng)
	b.regroup(rng)
}

// forget removes deleted users from everything that names them.
func (b *builder) forget(deleted map[int]bool) {
	for i := range b.users {
		if deleted[b.users[i].manager] {
			b.users[i].manager = noManager
		}
	}
	for _, set := range b.members {
		for i := range deleted {
			delete(set, i)
		}
	}
}

// rename gives a user another family name, and changes everything that depends on it.
func (b *builder) rename(rng *rand.Rand, u *userState) {
	family := pick(rng, familyNames)
	for family.written == u.family {
		family = pick(rng, familyNames)
	}
	byEmail := u.userName == u.email
	u.family = family.written
	u.display = u.given + " " + u.family
	if u.email == "" {
		return
	}
	_, domain, _ := strings.Cut(u.email, "@")
	u.email = b.unique(asciiOf(givenNames, u.given)+"."+family.ascii) + "@" + domain
	if byEmail && rng.IntN(2) == 0 {
		u.userName = u.email
	}
}

func asciiOf(list []spelling, written string) string {
	for _, s := range list {
		if s.written == written {
			return s.ascii
		}
	}
	return written
}

func (b *builder) newManager(rng *rand.Rand, self, old int) int {
	for range 8 {
		m := rng.IntN(len(b.users))
		if m != self && m != old && b.users[m].presence == present && b.users[m].active {
			return m
		}
	}
	return old
}

// churn adds users to each group and removes others.
func (b *builder) churn(rng *rand.Rand) {
	n := max(1, int(shareChurn*float64(len(b.users))))
	for g, set := range b.members {
		if b.groups[g].presence != present {
			continue
		}
		if in := sortedKeys(set); len(in) > n { // never removes the last one
			for range n {
				delete(set, in[rng.IntN(len(in))])
			}
		}
		for range n {
			if i := rng.IntN(len(b.users)); b.users[i].presence == present && b.users[i].active {
				set[i] = true
			}
		}
	}
}

// regroup renames a group, deletes one and creates one, but none that the rules name.
func (b *builder) regroup(rng *rand.Rand) {
	var free []int
	for g := len(ruleGroups); g < len(b.groups); g++ {
		if b.groups[g].presence == present {
			free = append(free, g)
		}
	}
	if len(free) == 0 {
		return
	}
	rng.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	b.groups[free[0]].name = b.groupName(rng)
	if len(free) < 2 {
		return
	}
	b.groups[free[1]].presence = gone
	clear(b.members[free[1]])

	b.addGroup(rng, len(b.groups))
	fresh := b.members[len(b.members)-1]
	for range 1 + rng.IntN(5) {
		if i := rng.IntN(len(b.users)); b.users[i].presence == present {
			fresh[i] = true
		}
	}
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// uuid returns a version 4 UUID (RFC 9562) from the plan's own randomness.
func uuid(rng *rand.Rand) string {
	hi, lo := rng.Uint64(), rng.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}
