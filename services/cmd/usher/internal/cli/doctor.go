package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/services/internal/doctor"
)

func doctorCommand(c *client) *cobra.Command {
	var all, strict bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look at everything that a process uses, and say what is wrong.", Args: cobra.NoArgs,
		Long: "Look at everything that a process uses, and say what is wrong: settings, databases, Redis, certificates, clocks, other\n" +
			"services, feeds, the spool, the disk and the listeners. Give the command the settings of usher serve: the same file,\n" +
			"environment and flags. It writes nothing, holds no lock, and takes 6 seconds at most, so it is safe in production.\n\n" +
			"Run it on the machine of the process. Elsewhere, it cannot see the process, its files and its disk. The page of a\n" +
			"finding is a file of Usher's repository.\n\n" +
			"The exit code is 0 if nothing is wrong, 1 if there is an error, and with --strict also for a warning, and 2 if a\n" +
			"setting is wrong. Then the command still looks at the rest.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			s, problems, err := readSettings(cmd.Flags())
			if err != nil {
				return err
			}
			findings := s.Examine(cmd.Context(), problems, time.Now)
			if c.output == "json" {
				err = printFindings(cmd.OutOrStdout(), findings)
			} else {
				err = tabulate(cmd.OutOrStdout(), findings, all)
			}
			if err != nil {
				return failed(err)
			}
			return verdict(findings, strict)
		},
	}
	serveFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also list what is well")
	cmd.Flags().BoolVar(&strict, "strict", false, "also fail if there is a warning")
	return cmd
}

// verdict returns the error for findings, or nil if nothing is wrong.
func verdict(findings []doctor.Finding, strict bool) error {
	for _, f := range findings {
		if f.Check == "settings" && f.Level == doctor.Error {
			return errors.New("a setting is wrong")
		}
	}
	n := doctor.Count(findings)
	switch {
	case n[doctor.Error] > 0:
		return failed(fmt.Errorf("errors: %d", n[doctor.Error]))
	case strict && n[doctor.Warning] > 0:
		return failed(fmt.Errorf("warnings: %d", n[doctor.Warning]))
	}
	return nil
}

// printFindings writes findings as JSON.
func printFindings(out io.Writer, findings []doctor.Finding) error {
	text, err := doctor.JSON(findings)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// messageWidth is the length of a line of a message, in bytes.
const messageWidth = 96

// wrapped returns the lines of a message, at least one.
func wrapped(message string) []string {
	lines := []string{""}
	for _, word := range strings.Fields(message) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > messageWidth:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

// tabulate writes findings as a table. What helps is in lines of its own below a finding, because commands are long and are copied.
func tabulate(out io.Writer, findings []doctor.Finding, all bool) error {
	var rows [][]string
	for _, f := range findings {
		if f.Level == doctor.OK && !all {
			continue
		}
		lines := wrapped(f.Message)
		rows = append(rows, []string{string(f.Level), f.Check, f.Subject, lines[0]})
		for _, line := range lines[1:] {
			rows = append(rows, []string{"", "", "", line})
		}
		if f.Command != "" && f.Level != doctor.OK {
			rows = append(rows, []string{"", "", "", "  command: " + f.Command})
		}
		if f.Page != "" {
			rows = append(rows, []string{"", "", "", "  page: " + f.Page})
		}
	}
	if len(rows) > 0 {
		if err := printTable(out, []string{"LEVEL", "CHECK", "SUBJECT", "FINDING"}, rows); err != nil {
			return err
		}
	}
	n := doctor.Count(findings)
	_, err := fmt.Fprintf(out, "errors: %d, warnings: %d, skipped: %d, ok: %d\n", n[doctor.Error], n[doctor.Warning], n[doctor.Skipped], n[doctor.OK])
	return err
}
