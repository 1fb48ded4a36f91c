package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the database of a process that is down is filled

	"github.com/usher-scim/usher/services/internal/test/kit"
)

const (
	// patchedMembers are those that come by PATCHes.
	patchedMembers = 10_000
	// memoryGoal is what the Go runtime is told to keep to. A process takes more: the binary's own pages, stacks, and what
	// SQLite caches, for each of its files and connections.
	memoryGoal = "100MiB"
)

func memberOf(n int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012x", n) }

// A group of 250,000 members, and of 100,000 on SQLite, which the race detector makes slow to fill: it grows by PATCHes, is read, and is replaced by what was read, by a process of bounded memory.
func TestALargeGroupInLittleMemory(t *testing.T) {
	t.Parallel()
	binary := product(t)
	for name, setup := range map[string]struct {
		topology
		members int
		most    int // that a process may ever take
	}{
		"SQLite, one process":             {topology{}, 100_000, 320 << 20},
		"PostgreSQL, a process a service": {topology{split: true, postgres: true}, 250_000, 200 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan{split: setup.split, binary: binary, env: []string{
				// What it takes is asked here, and not how long on a machine with other work.
				"GOMEMLIMIT=" + memoryGoal, "USHER_GATEWAY__REQUEST_TIMEOUT=5m",
			}}
			if setup.postgres {
				p.database = kit.Postgres(t, "usher", func(context.Context, string) error { return nil })
			}
			u := deploy(t, p)
			d := u.newDirectory(nil)
			seed, id := d.user("seed"), d.group("everybody")
			identity := u.processes["all"]
			if setup.split {
				identity = u.processes["identity"]
			}
			if err := identity.terminate(); err != nil {
				t.Fatal(err)
			}
			fill(t, p.database, filepath.Join(identity.setting("DATA_DIR"), "identity.db"), seed, id, setup.members)
			if err := identity.start(); err != nil {
				t.Fatal(err)
			}

			for first := setup.members - patchedMembers; first < setup.members; first += 1000 {
				values := make([]map[string]string, 1000)
				for i := range values {
					values[i] = map[string]string{"value": memberOf(first + i)}
				}
				d.patch("/Groups/"+id, "add", "members", values, http.StatusNoContent)
			}
			everybody := d.requireMembers(id, 0, setup.members)

			// What was read goes back without its first member, with all that a server adds.
			without := bytes.Replace(everybody, firstMember(t, everybody), nil, 1)
			d.send("PUT", "/Groups/"+id+"?excludedAttributes=members", string(without), http.StatusOK)
			d.requireMembers(id, 1, setup.members)
			if groups := d.send("GET", "/Users/"+memberOf(0), "", http.StatusOK).body["groups"]; groups != nil {
				t.Errorf("who left is still in %v", groups)
			}
			if groups := d.send("GET", "/Users/"+memberOf(1), "", http.StatusOK).body["groups"]; groups == nil {
				t.Error("who stayed is in no group")
			}
			found := d.send("GET", "/Groups?excludedAttributes=members&filter="+`members+eq+"`+memberOf(7)+`"`, "", http.StatusOK)
			if total := found.body["totalResults"]; total != 1.0 {
				t.Errorf("%v groups have the member", total)
			}

			for name, process := range u.processes {
				resident := process.mostResident()
				t.Logf("%s took %d MiB at most", name, resident>>20)
				if resident > setup.most {
					t.Errorf("%s took %d MiB", name, resident>>20)
				}
			}
		})
	}
}

// fill copies a user to those that memberOf names, and puts most of them into a group, in the database of an identity that is
// down: what the rule service does for each member that comes is not what is asked here.
func fill(t *testing.T, database, file, seed, group string, all int) {
	t.Helper()
	const (
		users = `INSERT INTO %[1]susers (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name, active,
				version, document, create_time, update_time)
			SELECT organization_id, n.id, directory_id, n.id, n.id, '', n.id, active, version, document, create_time, update_time
			FROM %[1]susers u, n WHERE u.id = $1`
		members = `INSERT INTO %[1]smembers (organization_id, group_id, member_id, member_group, carried)
			SELECT organization_id, g.id, n.id, false, false FROM %[1]sgroups g, n WHERE g.id = $1`
	)
	if database == "" {
		const numbers = `WITH RECURSIVE i (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < $2),
			n AS (SELECT printf('01900000-0000-7000-8000-%%012x', i) AS id FROM i) `
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(numbers+users, ""), seed, all-1); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf(numbers+members, ""), group, all-patchedMembers-1); err != nil {
			t.Fatal(err)
		}
		return
	}
	const numbers = `WITH n AS (SELECT '01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0') AS id
		FROM generate_series(0, $2::integer) i) `
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	if _, err := db.Exec(t.Context(), fmt.Sprintf(numbers+users, "usher_identity."), seed, all-1); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), fmt.Sprintf(numbers+members, "usher_identity."), group, all-patchedMembers-1); err != nil {
		t.Fatal(err)
	}
}

// requireMembers reads a group, which must have the members of these numbers, and gives its document.
func (d *directory) requireMembers(id string, from, to int) []byte {
	d.u.t.Helper()
	request, err := http.NewRequestWithContext(d.u.t.Context(), http.MethodGet, d.baseURL+"/Groups/"+id, nil)
	if err != nil {
		d.u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.key)
	response, err := d.http.Do(request)
	if err != nil {
		d.u.t.Fatal(err)
	}
	defer response.Body.Close()
	document, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		d.u.t.Fatalf("%d, %v", response.StatusCode, err)
	}
	var group struct {
		Members []struct{ Value, Display string }
	}
	if err := json.Unmarshal(document, &group); err != nil {
		d.u.t.Fatal(err)
	}
	if len(group.Members) != to-from {
		d.u.t.Fatalf("the group has %d members, not %d", len(group.Members), to-from)
	}
	for i, m := range group.Members {
		if want := memberOf(from + i); m.Value != want || m.Display != want {
			d.u.t.Fatalf("member %d is %v, not %s", i, m, want)
		}
	}
	return document
}

// firstMember is the text of the first member in a group's document, with the comma after it.
func firstMember(t *testing.T, document []byte) []byte {
	t.Helper()
	_, members, found := bytes.Cut(document, []byte(`"members":[`))
	end := bytes.Index(members, []byte(`},`))
	if !found || end < 0 {
		t.Fatalf("the group has no members")
	}
	return members[:end+2]
}

// mostResident is the most memory that a process took since it started, in bytes.
func (p *process) mostResident() int {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if size, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(size)[0])
			if err != nil {
				p.t.Fatal(err)
			}
			return kib << 10
		}
	}
	p.t.Fatal("the system does not say what a process takes")
	return 0
}
