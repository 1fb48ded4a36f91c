package spool

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// say writes a line to the parent.
func say(line string) { _, _ = os.Stdout.WriteString(line + "\n") }

// writeUntilKilled runs in the child process: several writers report each record that was stored.
func writeUntilKilled(folder string) {
	s, err := Open(folder, Limits{SegmentBytes: 500})
	if err != nil {
		say("error " + err.Error())
		return
	}
	var writing sync.WaitGroup
	for writer := range 4 {
		writing.Go(func() {
			for i := 0; ; i++ {
				record := fmt.Sprintf("kept-%d-%d", writer, i)
				if err := s.Append([]byte(record)); err != nil {
					say("error " + err.Error())
					return
				}
				say(record)
			}
		})
	}
	writing.Wait()
}

func TestMain(m *testing.M) {
	if folder := os.Getenv("USHER_TEST_SPOOL"); folder != "" {
		writeUntilKilled(folder)
		return
	}
	os.Exit(m.Run())
}

// Invariant 6.
func TestAcknowledgedRecordsSurviveAKill(t *testing.T) {
	t.Parallel()
	for round := range 5 {
		folder := t.TempDir()
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), "USHER_TEST_SPOOL="+folder)
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var said []string
		lines := bufio.NewReader(output)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // text before the end of a line is only part of a record
			}
			if len(said) == 20+round*37 {
				// The child continues to write until the signal arrives.
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			said = append(said, strings.TrimSuffix(line, "\n"))
		}
		_ = child.Wait() // it was killed
		kept := drain(t, open(t, folder, Limits{}))
		for _, record := range said {
			if strings.HasPrefix(record, "error") {
				t.Fatal(record)
			}
			if !slices.Contains(kept, record) {
				t.Errorf("round %d: %s was said to be kept and is not", round, record)
			}
		}
		if len(kept) < 20+round*37 {
			t.Errorf("round %d: only %d are kept", round, len(kept))
		}
	}
}
