package app

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/rule"
)

// Settings are all settings. Defaults returns their defaults. Keys are the `koanf` tags.
type Settings struct {
	Target                   []string    `koanf:"target" doc:"Services that this process runs: some of gateway, directory, identity, rule and failedevents, or all. The process calls the others over gRPC."`
	Dev                      bool        `koanf:"dev" doc:"Development mode: writes demo data to an empty data folder, and a bootstrap token for signing in."`
	DataDir                  string      `koanf:"data_dir" doc:"Folder for the gateway's spool and the SQLite files, and for the bootstrap token in development mode."`
	DatabaseURL              secret.Text `koanf:"database_url" doc:"PostgreSQL server and database for all services, with a schema for each, such as postgres://usher@db/usher. Default: SQLite files in the data folder."`
	Migrate                  bool        `koanf:"migrate" doc:"Whether the process brings the PostgreSQL schemas of its services up to date at the start, as usher migrate does. Default in development mode: true."`
	RedisURL                 secret.Text `koanf:"redis_url" doc:"Redis server that gateways use to share key look-ups and rate limits, such as redis://cache:6379. Default: none; each gateway has its own."`
	CertificatesDir          string      `koanf:"certificates_dir" doc:"Folder with ca.crt and with <service>.crt and <service>.key of each service, for mutual TLS between processes. The command usher certificates makes one for development."`
	OperatorToken            secret.Text `koanf:"operator_token" doc:"Bearer token of the operator, 32 characters or more; for tests and containers. It is valid beside those of operator_token_files."`
	OperatorTokenFiles       []string    `koanf:"operator_token_files" doc:"Files with one bearer token of the operator each. Only the user of this process may be able to read them. Usher reads them again every 2 seconds, and at once on SIGHUP. Default in development mode, without operator_token: the bootstrap token."`
	PublicURL                string      `koanf:"public_url" doc:"URL at which IdPs reach the SCIM listener, such as https://scim.example.com. Default: the listener's own address."`
	AdminURL                 string      `koanf:"admin_url" doc:"URL at which browsers reach the admin listener, such as https://admin.example.com, without a path. People who sign in need it, and with https, unless it is a loopback address; portal links begin with it. Default: the listener's own address."`
	SCIMAddr                 string      `koanf:"scim_addr" doc:"Address at which the gateway listens for IdPs."`
	AdminAddr                string      `koanf:"admin_addr" doc:"Address at which the gateway serves the admin REST API."`
	GRPCAddr                 string      `koanf:"grpc_addr" doc:"Address at which the gateway serves the public gRPC API."`
	OpsAddr                  string      `koanf:"ops_addr" doc:"Address for metrics and health, without authentication."`
	Profiles                 bool        `koanf:"profiles" doc:"Whether ops_addr also serves profiles of the process (/debug/pprof/)."`
	TLSCertFile              string      `koanf:"tls_cert_file" doc:"File with a PEM certificate for the SCIM, admin and gRPC listeners. Default: no TLS, for a proxy that ends TLS."`
	TLSKeyFile               string      `koanf:"tls_key_file" doc:"File with the PEM key of tls_cert_file."`
	MaxConnections           int         `koanf:"max_connections" doc:"Largest number of open connections to each public listener and to the operations listener. Usher needs eight times as many open files; with fewer it accepts fewer connections."`
	MaxConnectionsPerAddress int         `koanf:"max_connections_per_address" doc:"Largest number of open connections of one address to one listener. All addresses of an IPv6 network of 64 bits count as one address."`
	TrustedProxies           []string    `koanf:"trusted_proxies" doc:"Addresses and networks, such as 10.0.0.0/8, of proxies in front of Usher. max_connections_per_address does not apply to them, and Usher trusts the client addresses that they send (X-Forwarded-For)."`
	LogLevel                 string      `koanf:"log_level" doc:"debug, info, warn or error."`
	LogFormat                string      `koanf:"log_format" doc:"json or text."`

	TraceStatementsOver time.Duration `koanf:"trace_statements_over" doc:"How long an SQL statement, or the wait for a connection, must take to be in a trace, unless it fails. 0: all are in it."`

	ShutdownDelay   time.Duration `koanf:"shutdown_delay" doc:"Time for which a stopping process still accepts requests after /readyz says no, so that load balancers notice."`
	ShutdownTimeout time.Duration `koanf:"shutdown_timeout" doc:"Longest time for which a stopping process then waits for running requests."`

	OIDC []gateway.OIDCProvider `koanf:"oidc" doc:"OpenID providers at which people sign in: a list, with the following keys for each. Only the file can contain it."`

	Gateway      gateway.Settings      `koanf:"gateway"`
	Directory    directory.Settings    `koanf:"directory"`
	Identity     identity.Settings     `koanf:"identity"`
	Rule         rule.Settings         `koanf:"rule"`
	FailedEvents failedevents.Settings `koanf:"failedevents"`
}

// Defaults returns the default settings.
func Defaults() Settings {
	return Settings{
		Target: []string{allTargets}, DataDir: ".usher",
		SCIMAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081", GRPCAddr: "127.0.0.1:8082", OpsAddr: "127.0.0.1:8083",
		MaxConnections: 2000, MaxConnectionsPerAddress: 200, TrustedProxies: []string{"127.0.0.0/8", "::1"},
		LogLevel: "info", LogFormat: "json", TraceStatementsOver: 10 * time.Millisecond, ShutdownDelay: 5 * time.Second, ShutdownTimeout: 15 * time.Second,
		Gateway:      gateway.Defaults(),
		Directory:    directory.Defaults(),
		Identity:     identity.Defaults(),
		Rule:         rule.Defaults(),
		FailedEvents: failedevents.Defaults(),
	}
}

// DevelopmentDefaults returns the defaults of development mode. They do not limit how fast a directory may send.
func DevelopmentDefaults() Settings {
	s := Defaults()
	s.Dev, s.Migrate = true, true
	s.LogFormat = "text"
	s.ShutdownDelay = 0
	s.Gateway.RatePerSecond = 0
	return s
}

// allTargets is the target that means every service.
const allTargets = "all"

// services are the targets, in the order in which they start.
var services = [...]Service{directoryService, identityService, failedEventsService, ruleService, gatewayService}

// runs reports whether this process runs a service.
func (s Settings) runs(service Service) bool {
	return slices.Contains(s.Target, allTargets) || slices.Contains(s.Target, rpc.CallerName(service))
}

// runsAll reports whether this process runs all services.
func (s Settings) runsAll() bool {
	return !slices.ContainsFunc(services[:], func(service Service) bool { return !s.runs(service) })
}

// ServiceName returns the name of this process in traces and metrics: usher- and its service if it runs one alone, and otherwise usher.
func (s Settings) ServiceName() string {
	name, count := "", 0
	for _, service := range services {
		if s.runs(service) {
			name, count = rpc.CallerName(service), count+1
		}
	}
	if count != 1 {
		return "usher"
	}
	return "usher-" + name
}

// bootstraps reports whether the operator's token is the one in the data folder.
func (s Settings) bootstraps() bool {
	return s.Dev && s.OperatorToken == "" && len(s.OperatorTokenFiles) == 0 && s.runs(gatewayService)
}

// operatorSignsIn reports whether a person can sign in as the operator.
func (s Settings) operatorSignsIn() bool {
	for _, provider := range s.OIDC {
		for _, mapping := range provider.Mappings {
			if mapping.Principal == gateway.OperatorPrincipal {
				return true
			}
		}
	}
	return false
}

// CommandTokenFiles returns the files in which a command finds a token of the operator: those of TokenFiles or, without any, the bootstrap
// token of a server in development mode.
func (s Settings) CommandTokenFiles() ([]operatortoken.File, error) {
	s.Dev = true
	return s.TokenFiles()
}

// TokenFiles returns the files with the operator's tokens: those of operator_token_files or, in development mode, the one in the data
// folder. There may be none. The error describes what operator_token_files must be.
func (s Settings) TokenFiles() ([]operatortoken.File, error) {
	if s.bootstraps() {
		return []operatortoken.File{{Path: filepath.Join(s.DataDir, tokenFile), Subject: operatortoken.Subject}}, nil
	}
	return operatortoken.Named(s.OperatorTokenFiles)
}

// service returns the settings of a service behind the gateway.
func (s Settings) service(service Service) config.Service {
	switch service {
	case directoryService:
		return s.Directory.Service
	case identityService:
		return s.Identity.Service
	case ruleService:
		return s.Rule.Service
	default:
		return s.FailedEvents.Service
	}
}

// databaseURL returns the PostgreSQL URL of a service; empty for SQLite.
func (s Settings) databaseURL(service Service) secret.Text {
	return cmp.Or(s.service(service).DatabaseURL, s.DatabaseURL)
}

// needsFolder reports whether this process stores something in the data folder.
func (s Settings) needsFolder() bool {
	return slices.ContainsFunc(services[:], func(service Service) bool {
		return s.runs(service) && (service == gatewayService || s.databaseURL(service) == "")
	})
}
