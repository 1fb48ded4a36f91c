package core

import (
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
)

// counting returns a function that counts the milestones of one message.
func counting() func() {
	var q messageCounts
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "0190a5b0-0000-7000-8000-000000000000"}
	cause := store.Cause{MessageID: "0190a5b0-0000-7000-8000-000000000001", Time: time.Unix(1, 0)}
	steps := setOf(identityv1.MilestoneKind_MILESTONE_KIND_GROUP_CREATED) | setOf(identityv1.MilestoneKind_MILESTONE_KIND_MEMBER_ADDED)
	return func() { q.count(scope, observed{milestones: steps}, cause) }
}

// BenchmarkCount is what a write takes to count its milestones.
func BenchmarkCount(b *testing.B) {
	count := counting()
	b.ReportAllocs()
	for b.Loop() {
		count()
	}
}

func TestCountingAMilestoneThatIsKnownTakesNoMemory(t *testing.T) { //nolint:paralleltest // it measures the whole process
	if perMessage := testing.AllocsPerRun(100, counting()); perMessage != 0 {
		t.Errorf("a message takes %v allocations", perMessage)
	}
}
