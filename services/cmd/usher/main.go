// Command usher is all of Usher in one binary: the services, the command-line client, and a simulated IdP.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/usher-scim/usher/services/cmd/usher/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if code != 0 {
		os.Exit(code)
	}
}
