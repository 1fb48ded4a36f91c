// Package cli is the usher command, with one file per noun. Commands that call a server only use its public gRPC API, as any other client
// could.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/version"
)

// Run executes one command line and returns the exit code: 0, 1 if it failed, 2 if its usage or the settings were wrong.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &client{}
	root := newRoot(c)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	c.close()
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "usher:", describe(err))
	var failed *failure
	if errors.As(err, &failed) {
		return 1
	}
	return 2
}

// newRoot creates the command with all its subcommands, which share a client.
func newRoot(c *client) *cobra.Command {
	root := &cobra.Command{
		Use:           "usher",
		Short:         "SCIM provisioning: from an IdP's users and groups to roles in tenants.",
		Version:       version.Of(),
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	c.flags(root)
	root.AddCommand(
		serveCommand(), migrateCommand(), certificatesCommand(), configCommand(), doctorCommand(c), versionCommand(c), supportBundleCommand(c), simulateCommand(c), organizationCommand(c),
		directoryCommand(c), keyCommand(c), schemaCommand(c), credentialCommand(c), sessionCommand(c), portalLinkCommand(c),
		tenantCommand(c), roleCommand(c), ruleCommand(c), syncCommand(c), accessCommand(c), eventCommand(c), userCommand(c),
		groupCommand(c),
	)
	return root
}

// failure marks an error that is not about the usage of the command.
type failure struct {
	error
	answer *fault.Error // from the server that the client called; nil for a local failure
	advice string       // what to do about it, or empty
}

func (f *failure) Unwrap() error { return f.error }

// failed marks err as a failure that is not about the usage.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{error: err}
}

// describe describes an error in words for people, with the reason that programs use.
func describe(err error) string {
	var f *failure
	if !errors.As(err, &f) || f.answer == nil {
		return err.Error()
	}
	explained := f.answer
	text := fmt.Sprintf("%s (%s)", explained.Message, fault.ReasonName(explained.Reason))
	if explained.Reason == fault.Unavailable {
		text += ": is Usher running, and --addr its gRPC address?"
	}
	if len(explained.Fields) > 1 {
		var fields []string
		for _, field := range explained.Fields {
			fields = append(fields, "\n  "+field.Path+": "+field.Description)
		}
		text += strings.Join(fields, "")
	}
	if f.advice != "" {
		text += "\n" + f.advice
	}
	return text
}

// answered converts the error of a server into a failure with a description. An error without a server is about the usage of the command.
func answered(err error) error {
	if _, ok := status.FromError(err); !ok || err == nil {
		return err
	}
	explained := rpc.Fault(err)
	return &failure{error: explained, answer: explained}
}

// noun creates the command of a noun, with its verbs as subcommands.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verbs...)
	return cmd
}
