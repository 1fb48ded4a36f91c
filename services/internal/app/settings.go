package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/config"
)

// Settings is what can be configured, with the defaults in it that Defaults gives. Keys are the `koanf` tags.
type Settings struct {
	Dev         bool          `koanf:"dev" doc:"Development mode: demo data into an empty data folder, and a bootstrap token to sign in with."`
	DataDir     string        `koanf:"data_dir" doc:"Folder of the databases, the spool and the bootstrap token."`
	DatabaseURL config.Secret `koanf:"database_url" doc:"PostgreSQL server and database for all services, a schema each, such as postgres://usher@db/usher. Default: SQLite files in the data folder."`
	PublicURL   string        `koanf:"public_url" doc:"Where IdPs reach the SCIM listener, such as https://scim.example.com. Default: the listener's own address."`
	SCIMAddr    string        `koanf:"scim_addr" doc:"Where to listen for IdPs."`
	AdminAddr   string        `koanf:"admin_addr" doc:"Where to listen for the admin REST API."`
	GRPCAddr    string        `koanf:"grpc_addr" doc:"Where to listen for the public gRPC API."`
	OpsAddr     string        `koanf:"ops_addr" doc:"Where to listen for metrics, health and profiles."`
	LogLevel    string        `koanf:"log_level" doc:"debug, info, warn or error."`
	LogFormat   string        `koanf:"log_format" doc:"json or text."`

	ShutdownTimeout time.Duration `koanf:"shutdown_timeout" doc:"How long a stop waits for what is under way."`

	Gateway GatewaySettings `koanf:"gateway"`
	Rule    RuleSettings    `koanf:"rule"`
}

// GatewaySettings are the gateway's.
type GatewaySettings struct {
	RatePerSecond  float64       `koanf:"rate_per_second" doc:"SCIM requests a second that a directory may send; 0 is no limit, and the default in development mode."`
	MaxBodyBytes   int64         `koanf:"max_body_bytes" doc:"Largest body of a SCIM request."`
	MaxGroupBytes  int64         `koanf:"max_group_bytes" doc:"Largest body of a SCIM request about a group."`
	SpoolBytes     int64         `koanf:"spool_bytes" doc:"Largest size of the spool of failed events that are not delivered yet."`
	RequestTimeout time.Duration `koanf:"request_timeout" doc:"How long a SCIM request may take."`
}

// RuleSettings are the rule service's.
type RuleSettings struct {
	Workers int `koanf:"workers" doc:"How many organizations are reconciled at a time."`
}

// Defaults gives the settings of a process that was told nothing.
func Defaults() Settings {
	return Settings{
		DataDir:  ".usher",
		SCIMAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081", GRPCAddr: "127.0.0.1:8082", OpsAddr: "127.0.0.1:8083",
		LogLevel: "info", LogFormat: "json", ShutdownTimeout: 15 * time.Second,
		Gateway: GatewaySettings{
			RatePerSecond: 100, MaxBodyBytes: 1 << 20, MaxGroupBytes: 64 << 20, SpoolBytes: 256 << 20,
			RequestTimeout: 30 * time.Second,
		},
		Rule: RuleSettings{Workers: 4},
	}
}

// DevelopmentDefaults gives those of development mode, where one directory may send as fast as it likes.
func DevelopmentDefaults() Settings {
	s := Defaults()
	s.Dev = true
	s.LogFormat = "text"
	s.Gateway.RatePerSecond = 0
	return s
}

// Check says all that is wrong with the settings, by key.
func (s Settings) Check() error {
	var problems []error
	wrong := func(key, allowed string, got any) {
		problems = append(problems, fmt.Errorf("%s must be %s, not %q", key, allowed, fmt.Sprint(got)))
	}
	if s.DataDir == "" {
		wrong("data_dir", "a folder", s.DataDir)
	}
	for key, addr := range map[string]string{
		"scim_addr": s.SCIMAddr, "admin_addr": s.AdminAddr, "grpc_addr": s.GRPCAddr, "ops_addr": s.OpsAddr,
	} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			wrong(key, "host:port", addr)
		}
	}
	if s.PublicURL != "" {
		if u, err := url.Parse(s.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			wrong("public_url", "an http or https address", s.PublicURL)
		}
	}
	if new(slog.Level).UnmarshalText([]byte(s.LogLevel)) != nil {
		wrong("log_level", "debug, info, warn or error", s.LogLevel)
	}
	if !slices.Contains([]string{"json", "text"}, s.LogFormat) {
		wrong("log_format", "json or text", s.LogFormat)
	}
	for key, value := range map[string]float64{
		"shutdown_timeout":        s.ShutdownTimeout.Seconds(),
		"gateway.max_body_bytes":  float64(s.Gateway.MaxBodyBytes),
		"gateway.max_group_bytes": float64(s.Gateway.MaxGroupBytes),
		"gateway.spool_bytes":     float64(s.Gateway.SpoolBytes),
		"gateway.request_timeout": s.Gateway.RequestTimeout.Seconds(),
		"rule.workers":            float64(s.Rule.Workers),
	} {
		if value <= 0 {
			wrong(key, "above 0", value)
		}
	}
	if s.Gateway.RatePerSecond < 0 {
		wrong("gateway.rate_per_second", "0 or more", s.Gateway.RatePerSecond)
	}
	if !s.Dev {
		problems = append(problems, errors.New("dev must be true: without development mode there is no way to sign in yet"))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}
