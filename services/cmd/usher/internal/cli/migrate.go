package cli

import (
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/services/app"
)

func migrateCommand() *cobra.Command {
	var restored bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the PostgreSQL schemas up to date. Servers of the previous version can keep running.", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, problems, err := readSettings(cmd.Flags())
			if err != nil {
				return err
			}
			if err := wrong(append(problems, s.CheckMigration()...)); err != nil {
				return err
			}
			if err := app.Migrate(cmd.Context(), s); err != nil {
				return failed(err)
			}
			cmd.Println("The schemas are up to date.")
			if restored {
				if err := app.RenewEpochs(cmd.Context(), s); err != nil {
					return failed(err)
				}
				cmd.Println("Followers of feeds begin again.")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&restored, "restored", false, "also make followers of feeds begin again, after a restore that Usher cannot notice, such as one from a snapshot of a volume; stop the servers first")
	cmd.Flags().StringSlice("target", app.Defaults().Target, "the services whose schemas to migrate")
	return cmd
}
