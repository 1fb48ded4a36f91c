package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Several processes fold, a few records at a time, while writers create and delete. A total always equals a count in the
// same snapshot.
func TestTotalsAreExactWhateverWasFolded(t *testing.T) {
	t.Parallel()
	all := processes(t, 3)
	for _, s := range all {
		s.folder.close()
	}
	cause := store.Cause{Time: time.Unix(1, 0)}
	scopes := []store.Scope{{OrganizationID: "acme", DirectoryID: "d1"}, {OrganizationID: "acme", DirectoryID: "d2"}, {OrganizationID: "other", DirectoryID: "d1"}}
	for i, scope := range scopes {
		must(t, all[0].ApplyDirectory(t.Context(), store.Directory{OrganizationID: scope.OrganizationID, ID: scope.DirectoryID}, store.Place{Revision: int64(i + 1)}, store.Cause{}))
	}
	var members []string
	for i := range 10 {
		id := fmt.Sprint("member", i)
		must(t, second(all[0].Create(t.Context(), store.Resource{Type: store.User, Scope: scopes[0], ID: id, NameFolded: id, Document: []byte("{}")}, nil, cause)))
		members = append(members, id)
	}
	// More records of one transaction than one fold takes.
	must(t, second(all[0].Create(t.Context(), store.Resource{Type: store.Group, Scope: scopes[0], ID: "eng", Document: []byte("{}")},
		[]store.MemberEdit{{Kind: scim.AddMembers, IDs: members}}, cause)))
	check := func() {
		const counting = ` FROM directories d ORDER BY d.organization_id, d.id`
		s := all[rand.IntN(len(all))]
		rows, err := s.db.Query(t.Context(), `SELECT d.organization_id, d.id,
			(SELECT count(*) FROM users u WHERE u.organization_id = d.organization_id AND u.directory_id = d.id),
			coalesce((SELECT total FROM totals o WHERE o.organization_id = d.organization_id AND o.directory_id = d.id AND NOT resource_group), 0)
			+ (SELECT coalesce(sum(CASE kind WHEN 1 THEN 1 WHEN 3 THEN -1 ELSE 0 END), 0) FROM changes c WHERE c.organization_id = d.organization_id
				AND c.directory_id = d.id AND NOT resource_group AND transaction >= (SELECT transaction FROM folded))::bigint`+counting)
		if err != nil {
			t.Error(err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var organization, id string
			var counted, total int64
			if err := rows.Scan(&organization, &id, &counted, &total); err != nil || counted != total {
				t.Errorf("%s of %s has %d users, and a total of %d (error %v)", id, organization, counted, total, err)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing, folding sync.WaitGroup
	for w := range 4 {
		writing.Go(func() {
			s := all[w%len(all)]
			for i := range 40 {
				scope, id := scopes[rand.IntN(len(scopes))], fmt.Sprintf("u%d-%d", w, i)
				_, err := s.Create(t.Context(), store.Resource{Type: store.User, Scope: scope, ID: id, NameFolded: id, Document: []byte("{}")}, nil, cause)
				if err == nil && i%4 == 0 {
					_, err = s.Delete(t.Context(), scope, store.User, id, nil, cause)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, s := range all {
		folding.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.fold(t.Context(), 3); err != nil {
					t.Error(err)
				}
				check()
			}
		})
	}
	writing.Wait()
	stop()
	folding.Wait()
	// Transactions of other tests delay the end of the feed.
	patience, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for left, folded, everywhere := 1, 0, 0; left > 0; {
		_, err := all[0].fold(patience, 3)
		must(t, err)
		check()
		must(t, all[0].db.QueryRow(patience, `SELECT (SELECT count(*) FROM changes WHERE transaction >= (SELECT transaction FROM folded)),
			(SELECT coalesce(sum(total), 0) FROM totals WHERE directory_id <> ''),
			(SELECT coalesce(sum(total), 0) FROM totals WHERE directory_id = '')`).Scan(&left, &folded, &everywhere))
		const want = 4*30 + 10 + 1
		if left == 0 && (folded != want || everywhere != want) {
			t.Errorf("%d users and groups were folded, and %d for the organization, want %d", folded, everywhere, want)
		}
	}
}

func TestAProcessDoesNotFoldWhileAnotherOneDoes(t *testing.T) {
	t.Parallel()
	s := processes(t, 1)[0]
	s.folder.close()
	tx, err := s.db.Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `SELECT FROM folded FOR UPDATE`)
	must(t, err)
	more, err := s.fold(t.Context(), foldMost) // this does not wait
	must(t, err)
	if more {
		t.Error("there is more to fold")
	}
}

func TestTheFeedIsFoldedInTheBackground(t *testing.T) {
	t.Parallel()
	s := processes(t, 1)[0]
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	must(t, s.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}, store.Cause{}))
	_, err := s.Create(t.Context(), store.Resource{Type: store.User, Scope: scope, ID: "anna", Document: []byte("{}")}, nil, store.Cause{Time: time.Unix(1, 0)})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for total := 0; total != 1; {
		must(t, s.db.QueryRow(ctx, `SELECT coalesce((SELECT total FROM totals WHERE directory_id = 'd1'), 0)`).Scan(&total))
	}
}
