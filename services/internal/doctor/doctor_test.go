package doctor

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func said(check, subject string, level Level) Finding {
	return Finding{Level: level, Check: check, Subject: subject, Message: "m"}
}

func TestFindingsAreSortedByTheirLevel(t *testing.T) {
	t.Parallel()
	look := func(findings ...Finding) Look {
		return Look{Do: func(_ context.Context, r *Report) {
			for _, f := range findings {
				r.Add(f)
			}
		}}
	}
	got := Run(t.Context(), []Look{
		look(said("c", "x", OK), said("b", "y", Warning), said("b", "x", Warning)), look(said("z", "", Error)), look(said("a", "", Skipped)), look(),
	})
	want := []Finding{said("z", "", Error), said("b", "x", Warning), said("b", "y", Warning), said("a", "", Skipped), said("c", "x", OK)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := Count(got); n[Error] != 1 || n[Warning] != 2 || n[Skipped] != 1 || n[OK] != 1 {
		t.Errorf("they are counted as %v", n)
	}
	if text, err := JSON(nil); err != nil || !strings.Contains(string(text), `"findings": []`) {
		t.Errorf("no findings are %s, %v", text, err)
	}
}

func TestALookThatHangsIsAFinding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		start := time.Now()
		got := Run(t.Context(), []Look{
			{Check: "disk", Subject: "the disk", Do: func(_ context.Context, r *Report) {
				r.Add(said("disk", "its folder", OK))
				<-released
				r.Add(said("disk", "too late", OK))
			}},
			{Check: "slow", Do: func(ctx context.Context, r *Report) { <-ctx.Done(); r.Add(said("slow", "in time", Error)) }},
		})
		if took := time.Since(start); took != Within+overtime {
			t.Errorf("it took %s", took)
		}
		close(released)
		if len(got) != 3 || got[0].Check != "disk" || got[0].Level != Error || got[1].Subject != "in time" || got[2].Subject != "its folder" {
			t.Errorf("got %v", got)
		}
	})
}

func TestAPanicAndLongTextsAreFindings(t *testing.T) {
	t.Parallel()
	got := Run(t.Context(), []Look{{Check: "x", Do: func(_ context.Context, r *Report) {
		for range 2 * mostFindings {
			r.Add(Finding{Level: OK, Check: "y", Message: strings.Repeat("m", 1<<20)})
		}
	}}, {Check: "z", Subject: "s", Do: func(context.Context, *Report) { panic("broken") }}})
	if len(got) != mostFindings+1 || got[0].Check != "z" || !strings.Contains(got[0].Message, "broken") {
		t.Errorf("got %d, the first: %v", len(got), got[0])
	}
	if n := len(got[1].Message); n > mostText+3 {
		t.Errorf("a text has %d bytes", n)
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		theirs time.Time
		want   Level
		text   string
	}{
		"the same":      {at, OK, "differ by 100ms at most"},
		"within":        {at.Add(50 * time.Millisecond), OK, "differ by 100ms at most"},
		"a little late": {at.Add(-time.Second), OK, "differ by 1s at most"},
		"behind":        {at.Add(-1001 * time.Millisecond), Warning, "is 1.001s behind"},
		"ahead":         {at.Add(3100 * time.Millisecond), Warning, "is 3s ahead of"},
		"far ahead":     {at.Add(time.Hour), Error, "ahead of"},
		"far behind":    {at.Add(-time.Hour), Error, "is 1h0m0s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Clock("Redis", c.theirs, at, at.Add(100*time.Millisecond), 4*time.Second)
			if got.Level != c.want || !strings.Contains(got.Message, c.text) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]struct {
		level Level
		text  string
	}{
		-time.Hour:          {Error, "expired 1h0m ago, on 2025-12-31T23:00:00Z"},
		0:                   {Error, "expired 0s ago"},
		25 * time.Hour:      {Warning, "expires in 25h0m"},
		13 * 24 * time.Hour: {Warning, "expires in 13 days"},
		90 * time.Second:    {Warning, "expires in 1m30s"},
		14 * 24 * time.Hour: {OK, "expires in 14 days"},
	} {
		got := Expiry("certificate", "x", "x.crt", now.Add(left), now)
		if got.Level != want.level || !strings.Contains(got.Message, want.text) {
			t.Errorf("%s: got %v", left, got)
		}
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 3 << 19: "1.5 MiB", 5 << 30: "5.0 GiB", 1 << 40: "1.0 TiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
