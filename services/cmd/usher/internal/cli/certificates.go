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
			"The command does not store the authority's key, so nobody can sign with it later: make a new folder for new\n" +
			"certificates. In production, let your own authority sign. Each service needs a certificate for servers and clients\n" +
			"with the DNS name <service>.usher.internal, in <service>.crt and <service>.key. ca.crt has the authority's certificate.",
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
	create.Flags().DurationVar(&valid, "valid", 90*24*time.Hour, "how long the certificates are valid")
	return noun("certificates", "Certificates that services use to identify each other.", create)
}
