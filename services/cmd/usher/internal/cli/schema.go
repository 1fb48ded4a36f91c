package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

const schemaColumns = "id resource_type create_time update_time"

func schemaCommand(c *client) *cobra.Command {
	var organization, directory string
	var ofGroups bool
	flags := func(cmd *cobra.Command) {
		organizationFlag(cmd, &organization)
		cmd.Flags().StringVar(&directory, "directory", "", "id of the directory (required)")
		_ = cmd.MarkFlagRequired("directory") // the flag exists
	}
	put := &cobra.Command{
		Use: "put FILE", Short: "Register an extension: FILE contains its definition (RFC 7643 §7), - is standard input.", Args: cobra.ExactArgs(1),
	}
	flags(put)
	put.Flags().BoolVar(&ofGroups, "groups", false, "it extends groups (default: users)")
	etag := etagFlag(put)
	put.RunE = c.call(schemaColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		definition, err := readDefinition(put.InOrStdin(), args[0])
		if err != nil {
			return nil, err
		}
		schema := &identityv1.Schema{ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Definition: definition, Etag: *etag}
		if ofGroups {
			schema.ResourceType = identityv1.ResourceType_RESOURCE_TYPE_GROUP
		}
		return identityv1.NewSchemaServiceClient(conn).PutSchema(ctx, &identityv1.PutSchemaRequest{
			OrganizationId: organization, DirectoryId: directory, Id: definition.GetFields()["id"].GetStringValue(), Schema: schema,
		})
	})
	list := &cobra.Command{Use: "list", Short: "List a directory's extensions (JSON: their definitions too).", Args: cobra.NoArgs}
	flags(list)
	list.RunE = c.call(schemaColumns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return identityv1.NewSchemaServiceClient(conn).ListSchemas(ctx, &identityv1.ListSchemasRequest{OrganizationId: organization, DirectoryId: directory})
	})
	remove := &cobra.Command{Use: "delete URN", Short: "Remove an extension. Its values are not shown any more.", Args: cobra.ExactArgs(1)}
	flags(remove)
	remove.RunE = c.call("", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return identityv1.NewSchemaServiceClient(conn).DeleteSchema(ctx, &identityv1.DeleteSchemaRequest{OrganizationId: organization, DirectoryId: directory, Id: args[0]})
	})
	return noun("schema", "Schemas: attributes that a directory's IdP can send beside SCIM's own.", put, list, remove)
}

// readDefinition reads a JSON object from a file, or from in for "-".
func readDefinition(in io.Reader, path string) (*structpb.Struct, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	const most = 1 << 20 // the limit of the service is lower
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, err
	}
	definition := &structpb.Struct{}
	if err := definition.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("%s does not contain a JSON object: %w", path, err)
	}
	return definition, nil
}
