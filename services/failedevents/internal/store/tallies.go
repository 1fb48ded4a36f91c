package store

import (
	"context"
	"time"
)

// Tally counts the messages of a directory in one hour. It is cumulative: of two with the same key, each field has the greater value.
type Tally struct {
	OrganizationID string
	DirectoryID    string
	Hour           time.Time // its beginning
	ID             string    // unique within the directory and hour
	Counts
	Times
}

// Counts are numbers of messages by outcome. The contract describes them.
type Counts struct {
	Accepted    int64
	Failed      int64
	RateLimited int64
}

// Times are when messages arrived.
type Times struct {
	LastMessage  time.Time
	LastAccepted time.Time // zero: none
	LastFailed   time.Time // zero: none
}

// Activity is when a directory sent messages.
type Activity struct {
	DirectoryID string
	Times
}

// PeriodCounts are the counts of a directory in a period.
type PeriodCounts struct {
	DirectoryID string
	Start       time.Time
	Counts
}

// DirectoryRange selects the directories of an organization with the ids from First to Last, both included.
type DirectoryRange struct {
	OrganizationID string
	First, Last    string
}

// Tallies stores what the gateways counted.
type Tallies interface {
	// RecordTallies adds tallies, all or none. Of each field of a tally that is stored already, it keeps the greatest value. It drops
	// those whose LastMessage is not after the last Erase of their organization.
	RecordTallies(ctx context.Context, tallies []Tally) error
	// Activity lists the directories that have sent messages, by id, at most limit. It also knows times of tallies that were deleted.
	Activity(ctx context.Context, of DirectoryRange, limit int) ([]Activity, error)
	// Counts adds up the tallies whose hour is from start to end, both included, by directory and by period, in this order. A period
	// has a multiple of an hour, and begins at a multiple of its length after 1970. Periods without tallies are left out.
	Counts(ctx context.Context, of DirectoryRange, start, end time.Time, period time.Duration) ([]PeriodCounts, error)
	// DeleteTallies deletes at most limit tallies of all organizations with an hour before a time, and returns how many. On PostgreSQL, it
	// can skip those that somebody is writing.
	DeleteTallies(ctx context.Context, before time.Time, limit int) (int, error)
}
