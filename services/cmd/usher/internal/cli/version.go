package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/services/internal/version"
)

func versionCommand(c *client) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which build this is: its version, commit, Go version and platform.", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			build := version.Build()
			if c.output == "json" {
				text, err := json.MarshalIndent(build, "", "  ")
				if err != nil {
					return failed(err)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), string(text))
				return failed(err)
			}
			changed := ""
			if build.Modified {
				changed = ", with changes after it"
			}
			return failed(printTable(cmd.OutOrStdout(), []string{"BUILD", ""}, [][]string{
				{"version", build.Version}, {"commit", build.Commit + changed}, {"commit time", build.CommitTime}, {"Go", build.Go}, {"platform", build.Platform},
			}))
		},
	}
}
