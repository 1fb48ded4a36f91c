package gateway

import (
	"os"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
)

func TestAnExaminationOfTheSpool(t *testing.T) {
	t.Parallel()
	s := Defaults()
	s.SpoolBytes = 1000
	for name, c := range map[string]struct {
		bytes int
		age   time.Duration
		want  [][]string
	}{
		"nothing":  {0, time.Hour, nil},
		"a little": {200, 0, nil},
		"old":      {200, 6 * time.Minute, [][]string{{"warning | spool | spool of the gateway", "200 bytes of 1000 bytes (20 %), the oldest record for at least 6m0s", doctor.PageSpool}}},
		"much":     {250, 0, [][]string{{"warning", "no room for counts of messages"}}},
		"full":     {900, 0, [][]string{{"error", "new failed events get lost"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, now, r := t.TempDir(), time.Now(), &doctor.Report{}
			if err := os.WriteFile(folder+"/00000001.spool", make([]byte, c.bytes), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(folder+"/00000001.spool", now.Add(-c.age), now.Add(-c.age)); err != nil {
				t.Fatal(err)
			}
			ExamineSpool(folder, s, now, r)
			doctortest.Finds(t, r.Findings(), c.want...)
		})
	}
	r := &doctor.Report{}
	ExamineSpool(t.TempDir()+"/none", s, time.Now(), r)
	doctortest.Finds(t, r.Findings())
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ExamineSpool(file, s, time.Now(), r)
	doctortest.Finds(t, r.Findings(), []string{"error", "cannot be read"})
}
