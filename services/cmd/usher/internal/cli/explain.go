package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/gateway"
)

// explainToken prints what the token in a file, or in the standard input for "-", would give its owner. It prints no part of the token
// other than the issuer.
func explainToken(cmd *cobra.Command, s app.Settings, path string) error {
	if len(s.OIDC) == 0 {
		return errors.New("--token needs a provider in the setting oidc")
	}
	in := cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			// The path may be a token that was given by mistake.
			return errors.New("the file of --token cannot be opened: give the path of a file with a token, or - for the standard input")
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	const most = 1 << 20 // the limit of a token is lower
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return failed(fmt.Errorf("reading the token: %w", err))
	}
	e, err := gateway.ExplainToken(cmd.Context(), s.OIDC, time.Now, text)
	if err != nil {
		return failed(fmt.Errorf("the token opens nothing: %w", err))
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "Provider %s. %s\n\n", e.Provider, e.Checked)
	for _, line := range e.Lines {
		fmt.Fprintln(out, line)
	}
	if e.Refusal != nil {
		return failed(fmt.Errorf("the mappings give the person nothing: %w", e.Refusal))
	}
	fmt.Fprintln(out, "\nThe person may sign in as:")
	for _, grant := range e.Grants {
		fmt.Fprintln(out, "  "+grant.String())
	}
	return nil
}
