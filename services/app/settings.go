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

	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

// Settings is what can be configured, with the defaults in it that Defaults gives. Keys are the `koanf` tags.
type Settings struct {
	Target                   []string    `koanf:"target" doc:"Services that this process runs, of gateway, directory, identity, rule and failedevents, or all. Others are called over gRPC."`
	Dev                      bool        `koanf:"dev" doc:"Development mode: demo data into an empty data folder, and a bootstrap token to sign in with."`
	DataDir                  string      `koanf:"data_dir" doc:"Folder of the gateway's spool, and in development of the bootstrap token and the SQLite files."`
	DatabaseURL              secret.Text `koanf:"database_url" doc:"PostgreSQL server and database for all services, a schema each, such as postgres://usher@db/usher. Default: SQLite files in the data folder."`
	Migrate                  bool        `koanf:"migrate" doc:"Bring the PostgreSQL schemas of this process's services up to date at the start, as usher migrate does; the default in development mode."`
	RedisURL                 secret.Text `koanf:"redis_url" doc:"Redis that gateways share key look-ups and rate limits through, such as redis://cache:6379. Default: none; each gateway has its own."`
	CertificatesDir          string      `koanf:"certificates_dir" doc:"Folder of ca.crt and each service's <service>.crt and <service>.key, for mutual TLS between processes. usher certificates makes one for development."`
	OperatorToken            secret.Text `koanf:"operator_token" doc:"Bearer token of the operator, 32 characters or more. Default in development mode: the bootstrap token."`
	PublicURL                string      `koanf:"public_url" doc:"Where IdPs reach the SCIM listener, such as https://scim.example.com. Default: the listener's own address."`
	SCIMAddr                 string      `koanf:"scim_addr" doc:"Where the gateway listens for IdPs."`
	AdminAddr                string      `koanf:"admin_addr" doc:"Where the gateway listens for the admin REST API."`
	GRPCAddr                 string      `koanf:"grpc_addr" doc:"Where the gateway listens for the public gRPC API."`
	OpsAddr                  string      `koanf:"ops_addr" doc:"Where to listen for metrics and health, for which nobody signs in."`
	Profiles                 bool        `koanf:"profiles" doc:"Offer profiles of the process (/debug/pprof/) at ops_addr as well."`
	TLSCertFile              string      `koanf:"tls_cert_file" doc:"Certificate in PEM for the SCIM, admin and gRPC listeners. Default: plain, for a proxy that ends TLS."`
	TLSKeyFile               string      `koanf:"tls_key_file" doc:"Key of tls_cert_file."`
	MaxConnections           int         `koanf:"max_connections" doc:"Connections that each public listener, and the one for operations, holds open at most. It is fewer where the process may not open eight times as many files."`
	MaxConnectionsPerAddress int         `koanf:"max_connections_per_address" doc:"Connections of one listener that one address may hold open; the addresses of an IPv6 network of 64 bits count as one."`
	TrustedProxies           []string    `koanf:"trusted_proxies" doc:"Addresses, and networks such as 10.0.0.0/8, of proxies in front of Usher. They are exempt from max_connections_per_address, and believed whom they speak for (X-Forwarded-For)."`
	LogLevel                 string      `koanf:"log_level" doc:"debug, info, warn or error."`
	LogFormat                string      `koanf:"log_format" doc:"json or text."`

	ShutdownDelay   time.Duration `koanf:"shutdown_delay" doc:"How long a stop goes on taking requests after /readyz said no, so that balancers learn of it."`
	ShutdownTimeout time.Duration `koanf:"shutdown_timeout" doc:"How long a stop then waits for what is under way."`

	Gateway      GatewaySettings  `koanf:"gateway"`
	Directory    ServiceSettings  `koanf:"directory"`
	Identity     IdentitySettings `koanf:"identity"`
	Rule         RuleSettings     `koanf:"rule"`
	FailedEvents ServiceSettings  `koanf:"failedevents"`
}

// ServiceSettings are those that every service behind the gateway has.
type ServiceSettings struct {
	ListenAddr          string      `koanf:"listen_addr" doc:"Where the service listens for the others, when this process does not run all of them."`
	Addr                string      `koanf:"addr" doc:"Where the others reach the service: host:port, whose name may resolve to several replicas, or several with commas between."`
	DatabaseURL         secret.Text `koanf:"database_url" doc:"PostgreSQL of this service alone. Default: database_url."`
	DatabaseConnections int32       `koanf:"database_connections" doc:"Connections to PostgreSQL that a replica of the service opens at most."`
}

// IdentitySettings are the identity service's.
type IdentitySettings struct {
	ServiceSettings    `koanf:",squash"`
	ChangeRetention    time.Duration `koanf:"change_retention" doc:"How long records of the change feed are kept. A rule service that was away for longer looks at everybody."`
	InFlightBytes      int64         `koanf:"in_flight_bytes" doc:"Memory that large groups under way may take, by an estimate of 1.5 bytes for each byte of a group and 8 MiB. Lists may take half as much again, by one of 2 bytes for each byte of a document, and those of one directory a quarter of that. 0 is a quarter of GOMEMLIMIT, or 256 MiB without one."`
	InFlightShareBytes int64         `koanf:"in_flight_share_bytes" doc:"Memory of in_flight_bytes that the groups of one directory may take; 0 is half of it."`
	ScanLimit          int           `koanf:"scan_limit" doc:"How many resources a list may read whose filter or order no index serves."`
	DocumentBytes      int           `koanf:"document_bytes" doc:"Largest document of a user or group that is stored, without a group's members: from 64 KiB to 16 MiB."`
}

// RuleSettings are the rule service's.
type RuleSettings struct {
	ServiceSettings `koanf:",squash"`
	Workers         int           `koanf:"workers" doc:"How many organizations a replica reconciles at a time."`
	FeedRetention   time.Duration `koanf:"feed_retention" doc:"How long records of the access feed are kept. Who was away for longer has to list access anew."`
}

// GatewaySettings are the gateway's.
type GatewaySettings struct {
	RatePerSecond         float64       `koanf:"rate_per_second" doc:"SCIM requests a second that a directory may send; 0 is no limit, and the default in development mode."`
	MaxBodyBytes          int64         `koanf:"max_body_bytes" doc:"Largest body of a SCIM request."`
	MaxGroupBytes         int64         `koanf:"max_group_bytes" doc:"Largest body of a SCIM request about a group."`
	MaxBulkBytes          int64         `koanf:"max_bulk_bytes" doc:"Largest body of a SCIM Bulk request."`
	InFlightBytes         int64         `koanf:"in_flight_bytes" doc:"Memory that requests under way of SCIM, the admin REST and the public gRPC face may take together; of SCIM, by an estimate of 8 bytes for each byte of a body and twice an answer. 0 is half of GOMEMLIMIT, or 256 MiB without one."`
	InFlightShareBytes    int64         `koanf:"in_flight_share_bytes" doc:"Memory of in_flight_bytes that one directory, or one service credential, may take; 0 is a quarter of it."`
	MessagesAtOnce        int           `koanf:"messages_at_once" doc:"How many SCIM requests of one directory a gateway carries out at a time; a list, a search, and a body over 64 KiB or of unknown length count as 4. The next ones wait, 10 seconds at most; then they get 429."`
	MaxBulkOperations     int           `koanf:"max_bulk_operations" doc:"How many operations a SCIM Bulk request may hold."`
	UnknownKeysPerAddress float64       `koanf:"unknown_keys_per_address" doc:"API keys and service credentials that nobody knows that are looked up a second from one address; ten times as many at once. The next ones get 429."`
	UnknownKeys           float64       `koanf:"unknown_keys" doc:"The same from all addresses together."`
	WatchesPerCredential  int           `koanf:"watches_per_credential" doc:"Watches of access that one service credential, or the operator, may have open at a time, over REST and gRPC together."`
	SpoolBytes            int64         `koanf:"spool_bytes" doc:"Largest size of the spool of failed events that are not delivered yet."`
	RequestTimeout        time.Duration `koanf:"request_timeout" doc:"How long a SCIM request may take, besides the time in which its body comes and its answer goes; and how long the request of a public gRPC call may take to arrive."`
}

// Defaults gives the settings of a process that was told nothing.
func Defaults() Settings {
	const month = 30 * 24 * time.Hour
	service := func(addr string) ServiceSettings {
		return ServiceSettings{ListenAddr: addr, Addr: addr, DatabaseConnections: 20}
	}
	return Settings{
		Target: []string{allTargets}, DataDir: ".usher",
		SCIMAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081", GRPCAddr: "127.0.0.1:8082", OpsAddr: "127.0.0.1:8083",
		MaxConnections: 2000, MaxConnectionsPerAddress: 200, TrustedProxies: []string{"127.0.0.0/8", "::1"},
		LogLevel: "info", LogFormat: "json", ShutdownDelay: 5 * time.Second, ShutdownTimeout: 15 * time.Second,
		Gateway: GatewaySettings{
			RatePerSecond: 100, MaxBodyBytes: 1 << 20, MaxGroupBytes: 64 << 20, MaxBulkBytes: 4 << 20,
			MessagesAtOnce: 8, MaxBulkOperations: 1000, SpoolBytes: 256 << 20,
			RequestTimeout: 30 * time.Second, WatchesPerCredential: 100,
			UnknownKeysPerAddress: 10, UnknownKeys: 100,
		},
		Directory:    service("127.0.0.1:8090"),
		Identity:     IdentitySettings{ServiceSettings: service("127.0.0.1:8091"), ChangeRetention: month, ScanLimit: 100_000, DocumentBytes: 1 << 20},
		Rule:         RuleSettings{ServiceSettings: service("127.0.0.1:8092"), Workers: 4, FeedRetention: month},
		FailedEvents: service("127.0.0.1:8093"),
	}
}

// DevelopmentDefaults gives those of development mode, where one directory may send as fast as it likes.
func DevelopmentDefaults() Settings {
	s := Defaults()
	s.Dev, s.Migrate = true, true
	s.LogFormat = "text"
	s.ShutdownDelay = 0
	s.Gateway.RatePerSecond = 0
	return s
}

// allTargets is the target that stands for every service.
const allTargets = "all"

// services are the targets, in the order in which they start.
var services = [...]Service{directoryService, identityService, failedEventsService, ruleService, gatewayService}

// runs says which services this process runs.
func (s Settings) runs(service Service) bool {
	return slices.Contains(s.Target, allTargets) || slices.Contains(s.Target, rpc.CallerName(service))
}

// runsAll says that no other process is needed.
func (s Settings) runsAll() bool {
	return !slices.ContainsFunc(services[:], func(service Service) bool { return !s.runs(service) })
}

// bootstraps says that the operator's token is the one in the data folder.
func (s Settings) bootstraps() bool { return s.OperatorToken == "" && s.runs(gatewayService) }

// service gives the settings of a service behind the gateway.
func (s Settings) service(service Service) ServiceSettings {
	switch service {
	case directoryService:
		return s.Directory
	case identityService:
		return s.Identity.ServiceSettings
	case ruleService:
		return s.Rule.ServiceSettings
	default:
		return s.FailedEvents
	}
}

// databaseURL is the PostgreSQL of a service; empty for SQLite.
func (s Settings) databaseURL(service Service) string {
	if own := s.service(service).DatabaseURL; own != "" {
		return string(own)
	}
	return string(s.DatabaseURL)
}

// needsFolder says that something of this process is in the data folder.
func (s Settings) needsFolder() bool {
	return slices.ContainsFunc(services[:], func(service Service) bool {
		return s.runs(service) && (service == gatewayService || s.databaseURL(service) == "")
	})
}

// shortestToken is how many characters an operator's token has at least.
const shortestToken = 32

// Check says all that is wrong with the settings, by key.
func (s Settings) Check() error {
	c := &checking{}
	c.targets(s.Target)
	if s.DataDir == "" && s.needsFolder() {
		c.wrong("data_dir", "a folder", s.DataDir)
	}
	for key, addr := range map[string]string{
		"scim_addr": s.SCIMAddr, "admin_addr": s.AdminAddr, "grpc_addr": s.GRPCAddr, "ops_addr": s.OpsAddr,
		"directory.listen_addr": s.Directory.ListenAddr, "identity.listen_addr": s.Identity.ListenAddr,
		"rule.listen_addr": s.Rule.ListenAddr, "failedevents.listen_addr": s.FailedEvents.ListenAddr,
	} {
		c.hostPort(key, addr)
	}
	for _, service := range services[:len(services)-1] {
		name, of := rpc.CallerName(service), s.service(service)
		for _, addr := range strings.Split(of.Addr, ",") {
			c.hostPort(name+".addr", strings.TrimSpace(addr))
		}
		c.above0(name+".database_connections", float64(of.DatabaseConnections))
		c.postgres(name+".database_url", of.DatabaseURL)
	}
	c.postgres("database_url", s.DatabaseURL)
	if s.RedisURL != "" && !schemeOf(s.RedisURL, "redis", "rediss", "unix") {
		c.wrongSecret("redis_url", "an address such as redis://cache:6379")
	}
	if s.PublicURL != "" {
		if u, err := url.Parse(s.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			c.wrong("public_url", "an http or https address", s.PublicURL)
		} else if strings.ContainsAny(s.PublicURL, "?#") { // RFC 7644 §1.3
			c.wrong("public_url", "an address without a query (?) and a fragment (#), since Base URLs begin with it", s.PublicURL)
		}
	} else if s.runs(directoryService) != s.runs(gatewayService) {
		c.wrong("public_url", "set where directory and gateway are not in one process: Base URLs begin with it", "")
	}
	if !s.runsAll() && s.CertificatesDir == "" {
		c.wrong("certificates_dir", "a folder of certificates where not all services are in one process", "")
	}
	if (s.TLSCertFile == "") != (s.TLSKeyFile == "") {
		c.wrong("tls_cert_file and tls_key_file", "set both, or neither", s.TLSCertFile+s.TLSKeyFile)
	}
	if new(slog.Level).UnmarshalText([]byte(s.LogLevel)) != nil {
		c.wrong("log_level", "debug, info, warn or error", s.LogLevel)
	}
	if !slices.Contains([]string{"json", "text"}, s.LogFormat) {
		c.wrong("log_format", "json or text", s.LogFormat)
	}
	if _, err := prefixes(s.TrustedProxies); err != nil {
		c.problems = append(c.problems, fmt.Errorf("trusted_proxies must be addresses: %w", err))
	}
	for key, value := range map[string]float64{
		"max_connections":                  float64(s.MaxConnections),
		"max_connections_per_address":      float64(s.MaxConnectionsPerAddress),
		"shutdown_timeout":                 s.ShutdownTimeout.Seconds(),
		"gateway.max_body_bytes":           float64(s.Gateway.MaxBodyBytes),
		"gateway.max_group_bytes":          float64(s.Gateway.MaxGroupBytes),
		"gateway.max_bulk_bytes":           float64(s.Gateway.MaxBulkBytes),
		"gateway.messages_at_once":         float64(s.Gateway.MessagesAtOnce),
		"gateway.max_bulk_operations":      float64(s.Gateway.MaxBulkOperations),
		"gateway.unknown_keys":             s.Gateway.UnknownKeys,
		"gateway.unknown_keys_per_address": s.Gateway.UnknownKeysPerAddress,
		"gateway.watches_per_credential":   float64(s.Gateway.WatchesPerCredential),
		"gateway.spool_bytes":              float64(s.Gateway.SpoolBytes),
		"gateway.request_timeout":          s.Gateway.RequestTimeout.Seconds(),
		"rule.workers":                     float64(s.Rule.Workers),
		"rule.feed_retention":              s.Rule.FeedRetention.Seconds(),
		"identity.change_retention":        s.Identity.ChangeRetention.Seconds(),
		"identity.scan_limit":              float64(s.Identity.ScanLimit),
	} {
		c.above0(key, value)
	}
	for key, value := range map[string]int64{
		"gateway.in_flight_bytes":        s.Gateway.InFlightBytes,
		"gateway.in_flight_share_bytes":  s.Gateway.InFlightShareBytes,
		"identity.in_flight_bytes":       s.Identity.InFlightBytes,
		"identity.in_flight_share_bytes": s.Identity.InFlightShareBytes,
	} {
		if value < 0 {
			c.wrong(key, "0 or more", value)
		}
	}
	if n := s.Identity.DocumentBytes; n < 64<<10 || n > 16<<20 {
		c.wrong("identity.document_bytes", "from 65536 to 16777216", n)
	}
	if !(s.Gateway.RatePerSecond >= 0) { // also of NaN
		c.wrong("gateway.rate_per_second", "0 or more", s.Gateway.RatePerSecond)
	}
	if s.ShutdownDelay < 0 {
		c.wrong("shutdown_delay", "0 or more", s.ShutdownDelay)
	}
	switch {
	case s.OperatorToken != "" && len(s.OperatorToken) < shortestToken:
		c.wrongSecret("operator_token", fmt.Sprintf("%d characters or more", shortestToken))
	case s.OperatorToken == "" && !s.Dev && s.runs(gatewayService):
		c.problems = append(c.problems, errors.New("operator_token must be set, or dev be true: without either there is no way to sign in"))
	}
	return c.all()
}

// CheckDatabases says what is wrong with the settings that Migrate needs, by key.
func (s Settings) CheckDatabases() error {
	c := &checking{}
	c.targets(s.Target)
	postgres := false
	for _, service := range services[:len(services)-1] {
		c.postgres(rpc.CallerName(service)+".database_url", s.service(service).DatabaseURL)
		postgres = postgres || s.runs(service) && s.databaseURL(service) != ""
	}
	c.postgres("database_url", s.DatabaseURL)
	if !postgres {
		c.problems = append(c.problems, errors.New("database_url must be set: SQLite files are migrated when they are opened"))
	}
	return c.all()
}

// checking gathers what is wrong.
type checking struct{ problems []error }

func (c *checking) wrong(key, allowed string, got any) {
	c.problems = append(c.problems, fmt.Errorf("%s must be %s, not %q", key, allowed, fmt.Sprint(got)))
}

func (c *checking) targets(targets []string) {
	for _, target := range targets {
		if target != allTargets && !slices.ContainsFunc(services[:], func(service Service) bool { return rpc.CallerName(service) == target }) {
			c.wrong("target", "of gateway, directory, identity, rule, failedevents and all", target)
		}
	}
	if len(targets) == 0 {
		c.wrong("target", "one or more services, or all", "")
	}
}

// wrongSecret does not say what it is instead.
func (c *checking) wrongSecret(key, allowed string) {
	c.problems = append(c.problems, fmt.Errorf("%s must be %s", key, allowed))
}

func (c *checking) hostPort(key, addr string) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		c.wrong(key, "host:port", addr)
	}
}

func (c *checking) above0(key string, value float64) {
	if !(value > 0) {
		c.wrong(key, "above 0", value)
	}
}

func (c *checking) postgres(key string, value secret.Text) {
	if value != "" && !schemeOf(value, "postgres", "postgresql") && !strings.Contains(string(value), "=") {
		c.wrongSecret(key, "an address such as postgres://usher@db/usher")
	}
}

func (c *checking) all() error {
	slices.SortFunc(c.problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(c.problems...)
}

func schemeOf(address secret.Text, allowed ...string) bool {
	scheme, _, found := strings.Cut(string(address), "://")
	return found && slices.Contains(allowed, scheme)
}
