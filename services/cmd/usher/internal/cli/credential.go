package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/scope"
)

const credentialColumns = "id display_name organization_ids all_organizations scopes address_ranges create_time expire_time expiry_state revoke_time last_use_time last_use_address"

func credentialCommand(c *client) *cobra.Command {
	list := listCommand("List all service credentials.", c, credentialColumns, nil, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := directoryv1.NewServiceCredentialServiceClient(conn).ListServiceCredentials(ctx, &directoryv1.ListServiceCredentialsRequest{PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End a service credential.", Args: cobra.ExactArgs(1),
		RunE: c.call(credentialColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return directoryv1.NewServiceCredentialServiceClient(conn).RevokeServiceCredential(ctx, &directoryv1.RevokeServiceCredentialRequest{Id: args[0]})
		}),
	}
	var overlap time.Duration
	rotate := &cobra.Command{Use: "rotate ID", Short: "Replace a service credential: prints the new secret once. The old one works for a while.", Args: cobra.ExactArgs(1)}
	overlapFlag(rotate, &overlap)
	rotate.RunE = c.create(rotate, "service_credential.id secret secret_omitted old_service_credential.expire_time", func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error) {
		return directoryv1.NewServiceCredentialServiceClient(conn).RotateServiceCredential(ctx,
			&directoryv1.RotateServiceCredentialRequest{Id: args[0], Overlap: durationpb.New(overlap), RequestId: requestID})
	})
	return noun("credential", "Service credentials: how the vendor's services sign in.", createCredentialCommand(c), list, rotate, revoke)
}

// overlapFlag adds --overlap.
func overlapFlag(cmd *cobra.Command, overlap *time.Duration) {
	cmd.Flags().DurationVar(overlap, "overlap", 7*24*time.Hour, "how long the old one stays valid, at most 720h; 0s: not at all")
}

func createCredentialCommand(c *client) *cobra.Command {
	var name string
	var organizations, ranges []string
	var all, never bool
	var scopes []string
	var expires time.Duration
	create := &cobra.Command{Use: "create", Short: "Add a service credential: prints its secret once.", Args: cobra.NoArgs}
	create.Flags().StringVar(&name, "name", "", "a name for people (required)")
	create.Flags().StringArrayVar(&organizations, "organization", nil, "an organization that it opens; give one for each")
	create.Flags().BoolVar(&all, "all", false, "it opens all organizations, including future ones")
	create.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: "+strings.Join(scope.Names(), ", ")+" (required; give several with commas)")
	create.Flags().DurationVar(&expires, "expires-in", 0, "stop working after this long (default: 365 days)")
	create.Flags().BoolVar(&never, "never-expires", false, "work until it is revoked")
	create.Flags().StringSliceVar(&ranges, "address-range", nil, "an address, or a network such as 10.0.0.0/8, that may use it; give one for each (default: any address)")
	_ = errors.Join(create.MarkFlagRequired("name"), create.MarkFlagRequired("scope")) // the flags exist
	create.MarkFlagsOneRequired("organization", "all")
	create.MarkFlagsMutuallyExclusive("organization", "all")
	create.MarkFlagsMutuallyExclusive("expires-in", "never-expires")
	repeat := repeatableFlags(create)
	create.RunE = func(cmd *cobra.Command, _ []string) error {
		may, err := scopesNamed(scopes)
		if err != nil {
			return err
		}
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		credential := &directoryv1.ServiceCredential{DisplayName: name, OrganizationIds: organizations, AllOrganizations: all, Scopes: may, NeverExpires: never, AddressRanges: ranges}
		if expires != 0 {
			credential.ExpireTime = expiry(repeat.requestID(), expires)
		}
		r, err := directoryv1.NewServiceCredentialServiceClient(conn).CreateServiceCredential(ctx,
			&directoryv1.CreateServiceCredentialRequest{ServiceCredential: credential, RequestId: repeat.requestID()})
		if err != nil {
			return repeat.failed(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), r)
		}
		if r.GetSecretOmitted() {
			cmd.Printf("Credential  %s\n\nA call before this one created it, and showed its secret. If that was lost, create another credential and revoke this one.\n",
				r.GetServiceCredential().GetId())
			return nil
		}
		cmd.Printf("Credential  %s\nSecret      %s\n\nThe secret is shown only now. Give it to the service: it sends it as a bearer token.\n",
			r.GetServiceCredential().GetId(), r.GetSecret())
		return nil
	}
	return create
}

// scopesNamed returns the scopes with these names.
func scopesNamed(names []string) ([]commonv1.Scope, error) {
	var scopes []commonv1.Scope
	for _, name := range names {
		s, ok := scope.Named(name)
		if !ok {
			return nil, fmt.Errorf("--scope: %q is none of %s", name, strings.Join(scope.Names(), ", "))
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}
