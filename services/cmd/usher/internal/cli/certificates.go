package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
)

func certificatesCommand() *cobra.Command {
	var valid time.Duration
	create := &cobra.Command{
		Use: "create FOLDER", Short: "Make an authority for development, and a certificate of each service signed by it.",
		Long: "Make an authority for development, and a certificate of each service signed by it.\n\n" +
			"The authority's key is not kept, so that nobody can sign with it later: for new certificates make a new folder.\n" +
			"In production let your own authority sign them: for each service a certificate for servers and clients with the\n" +
			"DNS name <service>.usher.internal, as <service>.crt and <service>.key, and the authority's as ca.crt.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if valid <= 0 {
				return fmt.Errorf("--valid must be above 0, not %s", valid)
			}
			now := time.Now()
			authority, err := certificates.NewAuthority(now, valid)
			if err != nil {
				return failed(err)
			}
			if err := authority.Write(args[0], now, commonv1.Caller_CALLER_GATEWAY, commonv1.Caller_CALLER_DIRECTORY,
				commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_RULE, commonv1.Caller_CALLER_FAILEDEVENTS); err != nil {
				return failed(err)
			}
			cmd.Printf("Certificates until %s are in %s: give each process the folder as certificates_dir.\n",
				now.Add(valid).Format(time.DateOnly), args[0])
			return nil
		},
	}
	create.Flags().DurationVar(&valid, "valid", 90*24*time.Hour, "how long they are good for")
	return noun("certificates", "Certificates by which services know each other.", create)
}
