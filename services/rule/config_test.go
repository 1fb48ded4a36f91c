package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/rule"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

func TestAllProblemsOfTheSettingsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	config := rule.Config{Settings: rule.Defaults()}
	config.Workers, config.FeedRetention = -1, -1
	_, err := rule.New(t.Context(), config, rule.Dependencies{})
	named(t, err, "rule.workers", "rule.feed_retention", "database_url")
}

func TestAllProblemsOfTheTuningAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := core.New(core.Config{Workers: 1, FeedRetention: time.Hour, Tuning: core.Tuning{
		BatchSize: 1001, BatchesPerTurn: -1, SyncPageSize: 1001, LeaseDuration: -1, CallTimeout: time.Hour,
		RetryDelay: time.Microsecond, MaxRetryDelay: -1, BookmarkInterval: 31 * time.Second, SweepInterval: -1, RecheckInterval: -1,
	}}, nil, nil, nil, nil, nil, nil, nil)
	named(t, err, "BatchSize", "BatchesPerTurn", "SyncPageSize", "LeaseDuration", "CallTimeout",
		"RetryDelay", "MaxRetryDelay", "BookmarkInterval", "SweepInterval", "RecheckInterval")
}

// named checks that an error contains every name.
func named(t *testing.T, err error, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("bad settings pass")
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

func TestTheServiceStartsOnOneDatabaseWithItsDependencies(t *testing.T) {
	t.Parallel()
	const url = "postgres://nobody@127.0.0.1:1/none"
	for name, c := range map[string]struct{ path, url, want string }{
		"neither database": {"", "", "database_url"},
		"SQLite":           {t.TempDir() + "/x", "", "a dependency is missing"},
		"PostgreSQL":       {"", url, "a dependency is missing"},
		"both databases":   {t.TempDir() + "/x", url, "database_url"},
	} {
		config := rule.Config{Settings: rule.Defaults(), DatabasePath: c.path}
		config.DatabaseURL = secret.Text(c.url)
		if _, err := rule.New(t.Context(), config, rule.Dependencies{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}
