package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// notSettings are the environment variables of the client.
var notSettings = []string{"USHER_ADDR", "USHER_ORGANIZATION", "USHER_KEY", "USHER_TOKEN"}

// settingFlags are the flags that override settings, by key.
var settingFlags = map[string]string{
	"scim-addr": "scim_addr", "admin-addr": "admin_addr", "grpc-addr": "grpc_addr", "ops-addr": "ops_addr",
	"target": "target", "migrate": "migrate", "public-url": "public_url", "admin-url": "admin_url", "log-level": "log_level", "log-format": "log_format", "dev": "dev", "data-dir": "data_dir",
}

// settings reads the settings from all sources and checks them.
func settings(cmd *cobra.Command) (app.Settings, error) {
	s, problems, err := readSettings(cmd.Flags())
	if err != nil {
		return s, err
	}
	return s, wrong(append(problems, s.Check()...))
}

// readSettings reads the settings from all sources: the file that the flag --config names, the environment, and the other flags.
func readSettings(flags *pflag.FlagSet) (app.Settings, config.Problems, error) {
	s := app.Defaults()
	file, err := flags.GetString("config")
	if err != nil {
		return s, nil, err
	}
	given := map[string]any{}
	for name, key := range settingFlags {
		if f := flags.Lookup(name); f != nil && f.Changed {
			given[key] = f.Value.String()
			if list, ok := f.Value.(pflag.SliceValue); ok {
				given[key] = list.GetSlice()
			}
		}
	}
	values, err := config.Read(config.Source{File: file, Environ: os.Environ(), Ignore: notSettings, Flags: given})
	if err != nil {
		return s, nil, err
	}
	problems := values.Fill(&s)
	if s.Dev {
		// Development mode has other defaults, so the settings are filled again.
		s = app.DevelopmentDefaults()
		problems = values.Fill(&s)
	}
	return s, problems, nil
}

// wrong returns the error for settings with problems, or nil if there are none.
func wrong(problems config.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("configuration: %w", problems.Err())
}

func serveFlags(cmd *cobra.Command) {
	defaults := app.Defaults()
	flags := cmd.Flags()
	flags.StringSlice("target", defaults.Target, "services that this process runs, of gateway, directory, identity, rule and failedevents")
	flags.Bool("migrate", false, "bring the PostgreSQL schemas up to date first (default in development mode)")
	flags.Bool("dev", false, "development mode: writes demo data to an empty data folder, and a bootstrap token for signing in")
	flags.String("scim-addr", defaults.SCIMAddr, "the address for IdPs; port 0 chooses any free port")
	flags.String("admin-addr", defaults.AdminAddr, "the address of the admin REST API")
	flags.String("grpc-addr", defaults.GRPCAddr, "the address of the public gRPC API")
	flags.String("ops-addr", defaults.OpsAddr, "the address for metrics and health, without authentication")
	flags.String("public-url", "", "the URL at which IdPs reach the SCIM listener (default: its own address)")
	flags.String("admin-url", "", "the URL at which browsers reach the admin listener (default: its own address)")
	flags.String("log-level", defaults.LogLevel, "debug, info, warn or error")
	flags.String("log-format", defaults.LogFormat, "json or text")
}

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run Usher.", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings(cmd)
			if err != nil {
				return err
			}
			return failed(serve(cmd, s))
		},
	}
	serveFlags(cmd)
	return cmd
}

func configCommand() *cobra.Command {
	var token string
	var connect bool
	check := &cobra.Command{
		Use: "check", Short: "Show every problem of the configuration, or list every setting.", Args: cobra.NoArgs,
		Long: "Show every problem of the configuration that serve would find, or list every setting with its value and meaning.\n" +
			"The command reads the files that the settings name, and writes none. The exit code is 2 if a setting is wrong. It is 1\n" +
			"if the settings are right, but --connect finds a database or Redis that cannot be used now.\n\n" +
			"With --token, show what the owner of a token of an identity provider could sign in as, or the reason why not. The\n" +
			"command asks the provider for its keys. The exit code is 1 if the token gives nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings(cmd)
			if connect {
				unusable := s.CheckConnections(cmd.Context()).Err()
				if err == nil {
					unusable = failed(unusable)
				}
				err = errors.Join(err, unusable)
			}
			if err != nil {
				return err
			}
			if token != "" {
				return explainToken(cmd, s, token)
			}
			var rows [][]string
			for _, key := range config.Keys(&s) {
				rows = append(rows, []string{key.Name, fmt.Sprint(key.Default), key.Doc})
			}
			return printTable(cmd.OutOrStdout(), []string{"SETTING", "VALUE", "MEANING"}, rows)
		},
	}
	serveFlags(check)
	check.Flags().BoolVar(&connect, "connect", false, "also connect to the PostgreSQL databases and the Redis that these services use, 5 seconds at most")
	check.Flags().StringVar(&token, "token", "", "a file with an ID token, an access token or its claims as JSON; - for the standard input")
	return noun("config", "Settings: from a file, USHER_* environment variables and flags.", check)
}

func serve(cmd *cobra.Command, s app.Settings) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return err
	}
	// The databases contain personal data, so only the user of this process may read its files.
	unix.Umask(0o077)
	ctx := cmd.Context()
	t, err := telemetry.New(ctx, telemetry.Config{
		Service: s.ServiceName(), Logs: cmd.ErrOrStderr(), Level: level, Text: s.LogFormat == "text", StatementsOver: s.TraceStatementsOver,
	})
	if err != nil {
		return err
	}
	telemetry.LogErrors(t.Log)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	a, err := app.Start(ctx, s, app.Options{Telemetry: t, Now: time.Now, Reread: hangups})
	if err != nil {
		return err
	}
	app.PaceCollector(s)
	if s.LogFormat == "text" {
		greet(cmd, a, s)
	}
	t.Log.InfoContext(ctx, "serving", "target", s.Target, "scim", a.SCIMAddr(), "admin", a.AdminAddr(), "grpc", a.GRPCAddr(), "operations", a.OpsAddr())
	select {
	case <-ctx.Done():
	case err = <-a.Failed():
	}
	t.Log.InfoContext(ctx, "stopping", "delay", s.ShutdownDelay, "timeout", s.ShutdownTimeout)
	stopCtx, cancel := context.WithTimeout(context.Background(), s.ShutdownDelay+s.ShutdownTimeout)
	defer cancel()
	err = errors.Join(err, a.Stop(stopCtx))
	t.Shutdown(stopCtx)
	return err
}

// greet prints the addresses and, in development, the next commands to try.
func greet(cmd *cobra.Command, a *app.App, s app.Settings) {
	operations := "/metrics, /readyz, /livez"
	if s.Profiles {
		operations += ", /debug/pprof/"
	}
	cmd.Printf("Usher is serving.\n\n")
	for _, door := range []struct{ name, prefix, addr, about string }{
		{"SCIM", "", a.PublicURL(), "IdPs"},
		{"admin", "http://", a.AdminAddr(), "the console for browsers; REST, /api/v1"},
		{"gRPC", "", a.GRPCAddr(), "the vendor's services, the usher command"},
		{"directory", "", a.ServiceAddr(commonv1.Caller_CALLER_DIRECTORY), "gRPC between services"},
		{"identity", "", a.ServiceAddr(commonv1.Caller_CALLER_IDENTITY), "gRPC between services"},
		{"rule", "", a.ServiceAddr(commonv1.Caller_CALLER_RULE), "gRPC between services"},
		{"failedevents", "", a.ServiceAddr(commonv1.Caller_CALLER_FAILEDEVENTS), "gRPC between services"},
		{"operations", "http://", a.OpsAddr(), operations},
	} {
		if door.addr != "" && (door.name != "SCIM" || a.SCIMAddr() != "") {
			cmd.Printf("  %-12s %s%s   (%s)\n", door.name, door.prefix, door.addr, door.about)
		}
	}
	cmd.Println()
	if !s.Dev || a.TokenPath() == "" {
		return
	}
	cmd.Printf("The bootstrap token is in %s. Open the console, and sign in with it. Or continue in another terminal:\n\n", a.TokenPath())
	binary, err := os.Executable()
	if err != nil {
		binary = "usher"
	}
	environment := ""
	if a.GRPCAddr() != defaultAddr {
		environment += "USHER_ADDR=" + a.GRPCAddr() + " "
	}
	if s.DataDir != defaultDataDir {
		environment += "USHER_DATA_DIR=" + s.DataDir + " "
	}
	cmd.Printf("  %[1]s%[2]s directory create --name \"Entra ID\"\n"+
		"  USHER_KEY=<API key> %[2]s simulate --idp entra --users 100 --groups 10 --base-url <Base URL>\n"+
		"  %[1]s%[2]s access list\n\n", environment, shortened(binary))
}

// shortened returns a path relative to the working folder if that is shorter.
func shortened(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rest, ok := strings.CutPrefix(path, here+string(os.PathSeparator)); ok {
		return rest
	}
	return path
}
