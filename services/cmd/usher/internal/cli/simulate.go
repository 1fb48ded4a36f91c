package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/simulate"
)

func simulateCommand(c *client) *cobra.Command {
	var idp, keyFile string
	config := simulate.Config{}
	cmd := &cobra.Command{
		Use: "simulate", Short: "Act as an IdP: send all users and groups first, and then changes.", Args: cobra.NoArgs,
		Long: `Play an IdP against any SCIM 2.0 Base URL: an initial cycle, then incremental ones, with the
messages that Entra ID or Okta would send, and retrying as they do. The same seed sends
the same people and the same changes. The first five groups are those of the default
rules. --output json prints which users, groups and roles should result.`,
	}
	cmd.Flags().StringVar(&idp, "idp", "entra", "entra or okta")
	cmd.Flags().IntVar(&config.Users, "users", 100, "the number of users in the initial cycle")
	cmd.Flags().IntVar(&config.Groups, "groups", 10, "the number of groups in the initial cycle")
	cmd.Flags().Uint64Var(&config.Seed, "seed", 1, "the seed of the random people and changes")
	cmd.Flags().IntVar(&config.Cycles, "cycles", simulate.DefaultCycles, "the number of incremental cycles that follow")
	cmd.Flags().IntVar(&config.Concurrency, "concurrency", simulate.DefaultConcurrency, "the number of messages at a time")
	cmd.Flags().StringVar(&config.BaseURL, "base-url", "", "the directory's Base URL (required)")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "a file with the directory's API key (default: the key in USHER_KEY)")
	_ = cmd.MarkFlagRequired("base-url") // the flag exists
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		key, err := apiKey(keyFile)
		if err != nil {
			return err
		}
		base, err := url.Parse(config.BaseURL)
		if err != nil {
			return fmt.Errorf("--base-url must be a URL: %w", err)
		}
		if base.Scheme == "http" {
			if err := c.mayBeRead("--base-url", base.Host, "use https"); err != nil {
				return err
			}
		}
		config.IdP, config.Key = simulate.IdP(idp), secret.Text(key)
		if config.Cycles == 0 {
			config.Cycles = simulate.NoCycles
		}
		config.Progress = showProgress(cmd.ErrOrStderr())
		s, err := simulate.New(config)
		if err != nil {
			return err
		}
		report, err := s.Run(cmd.Context())
		if c.output == "json" {
			text, marshalErr := json.MarshalIndent(report, "", "  ")
			if marshalErr != nil {
				return failed(marshalErr)
			}
			cmd.Println(string(text))
		} else {
			cmd.Printf("%d requests, %d of them retries, in %s; by status %v\n", report.Requests, report.Retries,
				report.Elapsed.Round(time.Millisecond), report.ByStatus)
			for _, f := range report.Failures {
				cmd.Printf("%s %s: %d after %d attempts: %s\n", f.Method, f.Path, f.Status, f.Attempts, f.Detail)
			}
		}
		if err != nil {
			return failed(err)
		}
		if report.Unsettled > 0 {
			return failed(fmt.Errorf("%d resources are not as they should be", report.Unsettled))
		}
		return nil
	}
	return cmd
}

// apiKey returns the key to send. It is not an argument, because other users of the machine can see command lines.
func apiKey(file string) (string, error) {
	if file != "" {
		return readToken("the key file", file)
	}
	if text := os.Getenv("USHER_KEY"); text != "" {
		return oneToken("USHER_KEY", text)
	}
	return "", errors.New("--key-file must be set, or USHER_KEY")
}

// showProgress overwrites one line on a terminal. Elsewhere, it writes a line at the end of each phase.
func showProgress(out io.Writer) func(simulate.Progress) {
	file, ok := out.(*os.File)
	terminal := ok && isTerminal(file)
	return func(p simulate.Progress) {
		line := fmt.Sprintf("cycle %d of %d, %s: %d of %d (%d requests)", p.Cycle, p.Cycles, p.Phase, p.Done, p.Total, p.Requests)
		ended := p.Done == p.Total
		if terminal {
			fmt.Fprintf(out, "\r%-70s", line)
		} else if ended {
			fmt.Fprint(out, line)
		}
		if ended {
			fmt.Fprintln(out)
		}
	}
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
