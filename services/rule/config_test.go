package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/rule"
)

func TestEveryProblemOfTheSettingsIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	if err := (rule.Config{DatabasePath: "x"}).Check(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	err := rule.Config{
		Workers: -1, BatchSize: 1001, BatchesPerTurn: -1, SyncPageSize: 1001, LeaseDuration: -1, CallTimeout: time.Hour,
		RetryDelay: time.Microsecond, MaxRetryDelay: -1, BookmarkInterval: 31 * time.Second, SweepInterval: -1, FeedRetention: -1,
		RecheckInterval: -1,
	}.Check()
	if err == nil {
		t.Fatal("bad settings pass")
	}
	for _, name := range []string{"rule.database_path", "rule.database_url", "Workers", "BatchSize", "BatchesPerTurn", "SyncPageSize", "LeaseDuration", "CallTimeout",
		"RetryDelay", "MaxRetryDelay", "BookmarkInterval", "SweepInterval", "FeedRetention", "RecheckInterval"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		config rule.Config
		ok     bool
	}{
		"neither database": {rule.Config{}, false},
		"SQLite":           {rule.Config{DatabasePath: "x"}, true},
		"PostgreSQL":       {rule.Config{DatabaseURL: "x"}, true},
		"both databases":   {rule.Config{DatabasePath: "x", DatabaseURL: "x"}, false},
	} {
		if err := c.config.Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := rule.New(t.Context(), rule.Config{DatabasePath: t.TempDir() + "/x"}, rule.Dependencies{}); err == nil {
		t.Error("missing dependencies pass")
	}
}
