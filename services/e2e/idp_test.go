package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/e2e/corpus"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// Each file of the corpus is played as the IdP sends it, and once more with every body in the RFC's own form: a dialect
// must have the effect of its standard form. A strict directory takes the standard forms, and of the dialects those of
// which the file does not say how it refuses them.
func TestCorpus(t *testing.T) {
	t.Parallel()
	scenarios, err := corpus.All()
	if err != nil {
		t.Fatal(err)
	}
	inEveryTopology(t, func(t *testing.T, u *usher) {
		for _, form := range []string{"as sent", "standard", "as sent, to a strict directory", "standard, to a strict directory"} {
			shared := map[string]*directory{}
			for _, s := range scenarios {
				idp, mode := s.IdP, directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
				switch form {
				case "as sent":
					mode = directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT
				case "standard":
					standard, ok := s.Standard()
					if !ok {
						continue
					}
					s, mode = standard, directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT
				case "as sent, to a strict directory":
					s = s.Strict()
				case "standard, to a strict directory":
					s, _ = s.Standard()
				}
				if s.EmptyDirectory {
					idp = s.Name
				}
				if shared[idp] == nil {
					shared[idp] = u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{Mode: mode}})
				}
				d := shared[idp]
				t.Run(form+"/"+s.Name, func(t *testing.T) {
					if _, err := corpus.Play(t.Context(), d.http, d.baseURL, d.key, s); err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
}

// simulation makes an IdP for a directory.
func simulation(t *testing.T, d *directory, config simulate.Config) *simulate.Simulation {
	t.Helper()
	config.BaseURL, config.Key, config.HTTPClient = d.baseURL, secret.Text(d.key), d.http
	config.Retry.BaseDelay, config.Retry.MaxDelay = 20*time.Millisecond, 500*time.Millisecond
	s, err := simulate.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run plays an IdP to its end; every resource must have settled.
func run(ctx context.Context, t *testing.T, s *simulate.Simulation) *simulate.Report {
	t.Helper()
	report, err := s.Run(ctx)
	if err != nil {
		t.Fatalf("simulating: %v", err)
	}
	if report.Unsettled > 0 {
		t.Fatalf("%d resources are not settled: %+v", report.Unsettled, report.Failures)
	}
	return report
}

func TestAnIdPsUsersBecomeRoles(t *testing.T) {
	t.Parallel()
	for _, idp := range []simulate.IdP{simulate.Entra, simulate.Okta} {
		t.Run(string(idp), func(t *testing.T) {
			t.Parallel()
			inEveryTopology(t, func(t *testing.T, u *usher) {
				d := u.newDirectory(nil)
				s := simulation(t, d, simulate.Config{IdP: idp, Users: 100, Groups: 12, Seed: 7})
				run(t.Context(), t, s)
				u.caughtUp()
				requireState(t, d, s.Expect())
			})
		})
	}
}

func TestFiveHundredUsersAndFiftyGroups(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topology{}, nil)
	d := u.newDirectory(nil)
	s := simulation(t, d, simulate.Config{IdP: simulate.Entra, Users: 500, Groups: 50, Seed: 11, Concurrency: 8})
	report := run(t.Context(), t, s)
	u.caughtUp()
	requireState(t, d, s.Expect())
	t.Logf("%d requests in %s", report.Requests, report.Elapsed)
}

// Two IdPs of one organization do not see each other's users.
func TestDirectoriesAreApart(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		var all []*directory
		var sims []*simulate.Simulation
		for i, idp := range []simulate.IdP{simulate.Entra, simulate.Okta} {
			d := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String(fmt.Sprint(idp))}})
			s := simulation(t, d, simulate.Config{IdP: idp, Users: 30, Groups: 6, Seed: uint64(i)})
			run(t.Context(), t, s)
			all, sims = append(all, d), append(sims, s)
		}
		u.caughtUp()
		for i, d := range all {
			requireState(t, d, sims[i].Expect())
		}
	})
}
