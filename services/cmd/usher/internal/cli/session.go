package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

const (
	sessionColumns = "id organization_id principal_kind provider subject portal_link_id create_time last_use_time expire_time revoke_time"
	blockedColumns = "provider subject create_time blocked_by"
	linkColumns    = "id scopes directory_id new_directory created_by create_time expire_time use_time revoke_time"
)

func sessionCommand(c *client) *cobra.Command {
	var listOf, revokeOf string
	list := listCommand("List sessions, newest first.", c, sessionColumns, nil, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		sessions := directoryv1.NewSessionServiceClient(conn)
		if listOf != "" {
			r, err := sessions.ListOrganizationSessions(ctx, &directoryv1.ListOrganizationSessionsRequest{OrganizationId: listOf, PageToken: token})
			return r, r.GetNextPageToken(), err
		}
		r, err := sessions.ListSessions(ctx, &directoryv1.ListSessionsRequest{PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	list.Flags().StringVar(&listOf, "organization", "", "list only the sessions of this organization: an admin of it may, too")
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End a session.", Args: cobra.ExactArgs(1),
		RunE: c.call(sessionColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			sessions := directoryv1.NewSessionServiceClient(conn)
			if revokeOf != "" {
				return sessions.RevokeOrganizationSession(ctx, &directoryv1.RevokeOrganizationSessionRequest{OrganizationId: revokeOf, Id: args[0]})
			}
			return sessions.RevokeSession(ctx, &directoryv1.RevokeSessionRequest{Id: args[0]})
		}),
	}
	revoke.Flags().StringVar(&revokeOf, "organization", "", "end a session of this organization alone: an admin of it may, too")
	block := &cobra.Command{
		Use: "block PROVIDER SUBJECT", Short: "End all sessions of a person, and refuse new ones.", Args: cobra.ExactArgs(2),
		RunE: c.call(blockedColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return directoryv1.NewSessionServiceClient(conn).BlockSubject(ctx, &directoryv1.BlockSubjectRequest{
				BlockedSubject: &directoryv1.BlockedSubject{Provider: args[0], Subject: args[1]},
			})
		}),
	}
	unblock := &cobra.Command{
		Use: "unblock PROVIDER SUBJECT", Short: "Let a person sign in again.", Args: cobra.ExactArgs(2),
		RunE: c.call("", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return directoryv1.NewSessionServiceClient(conn).UnblockSubject(ctx, &directoryv1.UnblockSubjectRequest{Provider: args[0], Subject: args[1]})
		}),
	}
	blocked := listCommand("List the persons who cannot sign in.", c, blockedColumns, nil, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := directoryv1.NewSessionServiceClient(conn).ListBlockedSubjects(ctx, &directoryv1.ListBlockedSubjectsRequest{PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	blocked.Use = "blocked"
	return noun("session", "Sessions of people who have signed in.", list, revoke, block, unblock, blocked)
}

func portalLinkCommand(c *client) *cobra.Command {
	var listOf, revokeOf string
	list := listCommand("List portal links, newest first.", c, linkColumns, nil, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := directoryv1.NewPortalLinkServiceClient(conn).ListPortalLinks(ctx, &directoryv1.ListPortalLinksRequest{OrganizationId: listOf, PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	organizationFlag(list, &listOf)
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End a portal link and its session.", Args: cobra.ExactArgs(1),
		RunE: c.call(linkColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return directoryv1.NewPortalLinkServiceClient(conn).RevokePortalLink(ctx, &directoryv1.RevokePortalLinkRequest{OrganizationId: revokeOf, Id: args[0]})
		}),
	}
	organizationFlag(revoke, &revokeOf)
	return noun("portal-link", "Portal links: an admin opens one to set up an organization.", createPortalLinkCommand(c), list, revoke)
}

// portalScopes are the words for what a portal link can give.
var portalScopes = map[string]string{"set-up": "manage-directories", "rules": "manage-rules", "events": "read-events"}

func createPortalLinkCommand(c *client) *cobra.Command {
	var organization, directory string
	var may []string
	var newDirectory bool
	var expires time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Make a portal link: prints its URL once.", Args: cobra.NoArgs,
		Long: "Make a portal link. Send its URL to an admin of the organization: it works once, and opens a session of 8 hours.",
	}
	organizationFlag(create, &organization)
	create.Flags().StringSliceVar(&may, "for", []string{"set-up"}, "what the admin may do: some of set-up, rules and events, with commas")
	create.Flags().StringVar(&directory, "directory", "", "the only directory that it opens")
	create.Flags().BoolVar(&newDirectory, "new-directory", false, "it can create one directory, and opens only this one")
	create.Flags().DurationVar(&expires, "expires-in", 0, "how long the link works, at most 168h (default: 1h)")
	create.MarkFlagsMutuallyExclusive("directory", "new-directory")
	repeat := repeatableFlags(create)
	create.RunE = func(cmd *cobra.Command, _ []string) error {
		link := &directoryv1.PortalLink{DirectoryId: directory, NewDirectory: newDirectory}
		if expires != 0 {
			link.ExpireTime = expiry(repeat.requestID(), expires)
		}
		for _, word := range may {
			name, ok := portalScopes[word]
			if !ok {
				return fmt.Errorf("--for: %q is none of set-up, rules and events", word)
			}
			scopes, err := scopesNamed([]string{name})
			if err != nil {
				return err
			}
			link.Scopes = append(link.Scopes, scopes...)
		}
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		r, err := directoryv1.NewPortalLinkServiceClient(conn).CreatePortalLink(ctx,
			&directoryv1.CreatePortalLinkRequest{OrganizationId: organization, PortalLink: link, RequestId: repeat.requestID()})
		if err != nil {
			return repeat.failed(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), r)
		}
		if r.GetSecretOmitted() {
			cmd.Printf("Link  %s\n\nA call before this one made it, and showed its URL. If that was lost, make another link and revoke this one.\n", r.GetPortalLink().GetId())
			return nil
		}
		cmd.Printf("Link  %s\nURL   %s\n\nThe URL is shown only now. It works once, until %s, for: %s.\n", r.GetPortalLink().GetId(), r.GetUrl(),
			r.GetPortalLink().GetExpireTime().AsTime().Format(time.RFC3339), strings.Join(may, ", "))
		return nil
	}
	return create
}
