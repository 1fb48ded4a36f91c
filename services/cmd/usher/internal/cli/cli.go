// Package cli is the usher command: one file a noun. Commands that speak to a server use its public gRPC face alone, as
// any other client could.
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
)

// Run carries out one command line and gives the exit code: 0, 1 when it failed, 2 when it was used wrongly, also by its
// settings.
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

// newRoot makes the command with all its subcommands, which share a client.
func newRoot(c *client) *cobra.Command {
	root := &cobra.Command{
		Use:           "usher",
		Short:         "SCIM provisioning: from an IdP's users and groups to roles in tenants.",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	c.flags(root)
	root.AddCommand(
		serveCommand(), migrateCommand(), certificatesCommand(), configCommand(), simulateCommand(c), organizationCommand(c),
		directoryCommand(c), keyCommand(c), schemaCommand(c), credentialCommand(c),
		tenantCommand(c), roleCommand(c), ruleCommand(c), syncCommand(c), accessCommand(c), eventCommand(c), userCommand(c),
	)
	return root
}

// failure marks an error that is not about how the command was used.
type failure struct {
	error
	answer *fault.Error // of the server that a client called; nil for what failed here
	advice string       // what to do about it, or empty
}

func (f *failure) Unwrap() error { return f.error }

// failed marks err as a failure of the thing itself.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{error: err}
}

// describe says what went wrong in words for people, with the reason that programs go by.
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

// answered turns what a server answered into a failure that can be described. An error that comes from no server is about
// how the command was used.
func answered(err error) error {
	if _, ok := status.FromError(err); !ok || err == nil {
		return err
	}
	explained := rpc.Fault(err)
	return &failure{error: explained, answer: explained}
}

// noun makes the command of a noun, whose verbs are below it.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verbs...)
	return cmd
}
