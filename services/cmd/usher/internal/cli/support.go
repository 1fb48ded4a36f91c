package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"
)

func supportBundleCommand(c *client) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "support-bundle --file FILE", Short: "Write a file for the people who help you with an installation.", Args: cobra.NoArgs,
		Long: "Write a file for the people who help you with an installation: the version, the settings, the findings of usher doctor, the\n" +
			"metrics, with profiles also what the process is doing, the limits of the machine and the free space. The file is a tar\n" +
			"archive with gzip, of 50 MiB at most before it is compressed. Only you can read it. The file manifest.json in it says\n" +
			"what is in it, and what the command could not get.\n\n" +
			"It contains no secret, no log, and no data of users: no names, no addresses, no contents of messages. It does contain\n" +
			"names of hosts and files. Look at it before you send it.\n\n" +
			"Give the command the settings of usher serve, and run it on the machine of the process.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkOutput(); err != nil {
				return err
			}
			if file == "" {
				return errors.New("--file must be set, such as --file support.tar.gz")
			}
			s, problems, err := readSettings(cmd.Flags())
			if err != nil {
				return err
			}
			entries, err := s.SupportBundle(cmd.Context(), file, problems, time.Now)
			if errors.Is(err, fs.ErrExist) {
				err = fmt.Errorf("%s exists already", file)
			}
			if err != nil {
				return failed(err)
			}
			if c.output == "json" {
				text, err := json.MarshalIndent(map[string]any{"file": file, "parts": entries}, "", "  ")
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), string(text))
				}
				return failed(err)
			}
			var rows [][]string
			for _, e := range entries {
				size := fmt.Sprint(e.Bytes)
				switch {
				case e.Missing != "":
					size = "missing: " + e.Missing
				case e.Cut:
					size += " (its end is left out)"
				}
				rows = append(rows, []string{e.Name, e.About, size})
			}
			if err := printTable(cmd.OutOrStdout(), []string{"PART", "CONTENT", "BYTES"}, rows); err != nil {
				return failed(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "\nThe file is %s. Look at it before you send it.\n", file)
			return failed(err)
		},
	}
	serveFlags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "the file to write, such as support.tar.gz; it must not exist")
	return cmd
}
