package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

// Check returns all problems of the settings, by key: of their values, and of the files that this process would read or write. It
// creates no file and no folder.
func (s Settings) Check() config.Problems {
	p := slices.Concat(gateway.CheckOIDC(s.OIDC, s.runs(gatewayService)), s.Gateway.Check(), s.Directory.Check(), s.Identity.Check(), s.Rule.Check(), s.FailedEvents.Check())
	s.checkTargets(&p)
	s.checkSignIn(&p)
	s.checkPublicURL(&p)
	s.checkAdminURL(&p)
	s.checkDataFolder(&p)
	s.checkDatabases(&p)
	s.checkRedis(&p)
	s.checkCertificates(&p)
	s.checkTLS(&p)
	for key, addr := range map[string]string{
		"scim_addr": s.SCIMAddr, "admin_addr": s.AdminAddr, "grpc_addr": s.GRPCAddr, "ops_addr": s.OpsAddr,
	} {
		p.HostPort(key, addr)
	}
	config.Above0(&p, "max_connections", s.MaxConnections)
	config.Above0(&p, "max_connections_per_address", s.MaxConnectionsPerAddress)
	if _, err := prefixes(s.TrustedProxies); err != nil {
		p = append(p, fmt.Errorf("trusted_proxies must be addresses: %w", err))
	}
	if new(slog.Level).UnmarshalText([]byte(s.LogLevel)) != nil {
		p.Add("log_level", "debug, info, warn or error", s.LogLevel)
	}
	if !slices.Contains([]string{"json", "text"}, s.LogFormat) {
		p.Add("log_format", "json or text", s.LogFormat)
	}
	config.AtLeast0(&p, "trace_statements_over", s.TraceStatementsOver)
	config.AtLeast0(&p, "shutdown_delay", s.ShutdownDelay)
	config.Above0(&p, "shutdown_timeout", s.ShutdownTimeout)
	return p
}

// CheckMigration returns all problems of the settings that Migrate needs, by key.
func (s Settings) CheckMigration() config.Problems {
	var p config.Problems
	s.checkTargets(&p)
	s.checkDatabases(&p)
	if len(s.databases()) == 0 {
		p = append(p, errors.New("database_url must be set: SQLite files are migrated when they are opened"))
	}
	return p
}

// connectWithin is how long a database or Redis may take to answer.
const connectWithin = 5 * time.Second

// CheckConnections connects to the PostgreSQL databases and the Redis of this process, and returns the problems, by key: no answer
// in 5 seconds, or a schema that is too old or too new for this binary. Examine looks at more. It skips invalid addresses, because Check reports them.
func (s Settings) CheckConnections(ctx context.Context) config.Problems {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	var mu sync.Mutex
	var p config.Problems
	var checking sync.WaitGroup
	check := func(key string, check func() error) {
		checking.Go(func() {
			if err := check(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				line := strings.Join(strings.Fields(err.Error()), " ") // pgx writes the addresses that it tried on separate lines
				p = append(p, fmt.Errorf("%s: %s", key, line))
			}
		})
	}
	for _, d := range s.databases() {
		if pgdb.CheckURL(d.url) != nil {
			continue
		}
		check(d.key, func() error {
			err := pgdb.Check(ctx, d.url, schemas[d.service]())
			if s.Migrate && errors.Is(err, pgdb.ErrOldSchema) {
				return nil // the start migrates it
			}
			return err
		})
	}
	if s.usesRedis() && rediskv.CheckURL(s.RedisURL.Reveal()) == nil {
		check("redis_url", func() error { return rediskv.Check(ctx, s.RedisURL.Reveal(), connectWithin) })
	}
	checking.Wait()
	return p
}

// checkTargets requires at least one target.
func (s Settings) checkTargets(p *config.Problems) {
	for _, target := range s.Target {
		if target != allTargets && !slices.ContainsFunc(services[:], func(service Service) bool { return rpc.CallerName(service) == target }) {
			p.Add("target", "of gateway, directory, identity, rule, failedevents and all", target)
		}
	}
	if len(s.Target) == 0 {
		p.Add("target", "one or more services, or all", "")
	}
}

// checkSignIn reads the operator's tokens, if this process runs the gateway. A file may be missing, because an operator may remove a token
// at any time, but the gateway does not start without any token.
func (s Settings) checkSignIn(p *config.Problems) {
	if s.OperatorToken != "" {
		if err := operatortoken.Check(s.OperatorToken); err != nil {
			*p = append(*p, fmt.Errorf("operator_token %w", err))
		}
	}
	files, err := s.TokenFiles()
	if err != nil {
		*p = append(*p, fmt.Errorf("operator_token_files %w", err))
	}
	if !s.runs(gatewayService) {
		return
	}
	key := "operator_token_files"
	switch {
	case s.bootstraps():
		key = "data_dir"
	case s.OperatorToken == "" && len(files) == 0 && !s.operatorSignsIn():
		*p = append(*p, errors.New("operator_token or operator_token_files must be set, a mapping of oidc name the operator, or dev be true: "+
			"without one of them there is no way to sign in"))
		return
	}
	tokens, failures := operatortoken.ReadAll(s.OperatorToken, files)
	for _, err := range failures {
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case err == nil, missing && len(tokens) > 0:
		case s.bootstraps() && (missing || errors.Is(err, unix.ENOTDIR)): // the start creates it, or checkDataFolder reports why it cannot
		default:
			*p = append(*p, fmt.Errorf("%s: %w", key, err))
		}
	}
}

func (s Settings) checkPublicURL(p *config.Problems) {
	if s.PublicURL == "" {
		if s.runs(directoryService) != s.runs(gatewayService) {
			p.Add("public_url", "set where directory and gateway are not in one process: Base URLs begin with it", "")
		}
		return
	}
	if u, err := url.Parse(s.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		p.Add("public_url", "an http or https address", s.PublicURL)
	} else if strings.ContainsAny(s.PublicURL, "?#") { // RFC 7644 §1.3
		p.Add("public_url", "an address without a query (?) and a fragment (#), since Base URLs begin with it", s.PublicURL)
	}
}

// checkAdminURL requires the address of the admin listener where Usher cannot know it: where people come back from an identity provider, and
// where the directory service makes portal links in another process.
func (s Settings) checkAdminURL(p *config.Problems) {
	if s.AdminURL == "" {
		switch {
		case s.runs(directoryService) != s.runs(gatewayService):
			p.Add("admin_url", "set where directory and gateway are not in one process: portal links begin with it", "")
		case len(s.OIDC) > 0 && !s.Dev && s.runs(gatewayService):
			p.Add("admin_url", "set where people sign in at an identity provider, which sends them back to it", "")
		}
		return
	}
	u, err := url.Parse(s.AdminURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(s.AdminURL, "?#") {
		p.Add("admin_url", "an http or https address without a path, a query and a fragment", s.AdminURL)
	} else if len(s.OIDC) > 0 && !s.Dev && s.runs(gatewayService) && !gateway.SecureURL(u) { // else browsers send sessions in plain text
		p.Add("admin_url", "an https address where people sign in at an identity provider (http for a loopback address, or with dev)", s.AdminURL)
	}
}

// checkDataFolder requires a folder that this process can write to, or can create.
func (s Settings) checkDataFolder(p *config.Problems) {
	if !s.needsFolder() {
		return
	}
	if s.DataDir == "" {
		p.Add("data_dir", "a folder", s.DataDir)
		return
	}
	for path := filepath.Clean(s.DataDir); ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path):
			continue // it would be created in the folder above
		case err != nil:
			*p = append(*p, fmt.Errorf("data_dir: %w", err))
		case !info.IsDir():
			p.Add("data_dir", "a folder, and "+path+" is none", s.DataDir)
		default:
			if err := unix.Access(path, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
				*p = append(*p, fmt.Errorf("data_dir: writing into %s: %w", path, err))
			}
		}
		return
	}
}

// database is the PostgreSQL database of a service of this process, and the setting's key.
type database struct {
	service  Service
	key, url string
}

// databases lists the databases of this process's services.
func (s Settings) databases() (all []database) {
	for _, service := range services[:len(services)-1] {
		key := "database_url"
		if s.service(service).DatabaseURL != "" {
			key = rpc.CallerName(service) + ".database_url"
		}
		if url := s.databaseURL(service).Reveal(); url != "" && s.runs(service) {
			all = append(all, database{service, key, url})
		}
	}
	return all
}

// checkDatabases checks the names of this process's databases, with the files that they name. For databases of other processes it
// only checks the form, because the files may be elsewhere.
func (s Settings) checkDatabases(p *config.Problems) {
	used := map[string]bool{}
	for _, d := range s.databases() {
		used[d.key] = true
		if err := pgdb.CheckURL(d.url); err != nil && d.url != config.Unread.Reveal() {
			*p = append(*p, fmt.Errorf("%s %w", d.key, err))
		}
	}
	named := map[string]secret.Text{"database_url": s.DatabaseURL}
	for _, service := range services[:len(services)-1] {
		named[rpc.CallerName(service)+".database_url"] = s.service(service).DatabaseURL
	}
	for key, url := range named {
		scheme, _, _ := strings.Cut(string(url), "://")
		if url != "" && url != config.Unread && !used[key] && scheme != "postgres" && scheme != "postgresql" && !strings.Contains(string(url), "=") {
			p.AddSecret(key, "an address such as postgres://usher@db/usher")
		}
	}
}

// usesRedis reports whether this process connects to Redis.
func (s Settings) usesRedis() bool {
	return s.RedisURL != "" && (s.runs(gatewayService) || s.runs(directoryService))
}

func (s Settings) checkRedis(p *config.Problems) {
	if s.RedisURL == "" || s.RedisURL == config.Unread {
		return
	}
	if err := rediskv.CheckURL(s.RedisURL.Reveal()); err != nil {
		*p = append(*p, err)
	}
}

// checkCertificates reads the certificates of this process's services, if there are other processes.
func (s Settings) checkCertificates(p *config.Problems) {
	if s.runsAll() {
		return
	}
	if s.CertificatesDir == "" {
		p.Add("certificates_dir", "a folder of certificates where not all services are in one process", "")
		return
	}
	for _, service := range services {
		if !s.runs(service) {
			continue
		}
		if _, err := certificates.FromFolder(s.CertificatesDir, service, slog.New(slog.DiscardHandler), time.Now); err != nil {
			*p = append(*p, fmt.Errorf("certificates_dir: %w", err))
		}
	}
}

// checkTLS reads the certificate of the gateway's listeners.
func (s Settings) checkTLS(p *config.Problems) {
	if (s.TLSCertFile == "") != (s.TLSKeyFile == "") {
		p.Add("tls_cert_file and tls_key_file", "set both, or neither", s.TLSCertFile+s.TLSKeyFile)
		return
	}
	if s.TLSCertFile == "" || !s.runs(gatewayService) {
		return
	}
	certificate, err := os.ReadFile(s.TLSCertFile)
	if err != nil {
		*p = append(*p, fmt.Errorf("tls_cert_file: %w", err))
	}
	key, keyErr := os.ReadFile(s.TLSKeyFile)
	if keyErr != nil {
		*p = append(*p, fmt.Errorf("tls_key_file: %w", keyErr))
	}
	if err != nil || keyErr != nil {
		return
	}
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		*p = append(*p, fmt.Errorf("tls_cert_file and tls_key_file: %w", err))
	}
}
