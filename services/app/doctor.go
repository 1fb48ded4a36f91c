package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule"
)

// Examine looks at everything that a process with these settings uses, whether or not it runs, and returns what it finds. It writes
// nothing and holds no lock. problems are those that reading the settings found. It returns after 6 seconds at most.
func (s Settings) Examine(ctx context.Context, problems config.Problems, now func() time.Time) []doctor.Finding {
	looks := []doctor.Look{{Check: "settings", Subject: "settings", Do: func(_ context.Context, r *doctor.Report) { s.examineSettings(problems, r) }}}
	looks = append(looks, s.databaseLooks()...)
	looks = append(looks, s.certificateLooks(now)...)
	looks = append(looks, s.peerLooks(now)...)
	add := func(check, subject string, do func(ctx context.Context, r *doctor.Report)) {
		looks = append(looks, doctor.Look{Check: check, Subject: subject, Do: do})
	}
	if url := s.RedisURL.Reveal(); s.usesRedis() && rediskv.CheckURL(url) == nil {
		add("redis-reachable", "Redis", func(ctx context.Context, r *doctor.Report) { rediskv.Examine(ctx, url, directory.DefaultLease, r) })
	}
	if s.needsFolder() && s.DataDir != "" {
		add("data-folder", "data folder", func(_ context.Context, r *doctor.Report) { s.examineFolder(r) })
	}
	if s.runs(gatewayService) {
		add("spool", "spool of the gateway", func(_ context.Context, r *doctor.Report) {
			gateway.ExamineSpool(spoolOf(s.DataDir), s.Gateway, now(), r)
		})
	}
	add("listener", "listeners", func(_ context.Context, r *doctor.Report) { s.examineListeners(r) })
	add("process", "operations address", s.examineProcess)
	return doctor.Run(ctx, looks)
}

// examineSettings reports every problem of the settings.
func (s Settings) examineSettings(problems config.Problems, r *doctor.Report) {
	err := append(slices.Clone(problems), s.Check()...).Err()
	if err == nil {
		r.Add(doctor.Finding{Level: doctor.OK, Check: "settings", Subject: "settings", Message: "the settings can be used"})
		return
	}
	for _, problem := range strings.Split(err.Error(), "\n") {
		r.Add(doctor.Finding{Level: doctor.Error, Check: "settings", Subject: "settings", Message: problem, Command: "usher config check"})
	}
}

// schemas are what the services need in a PostgreSQL database.
var schemas = map[Service]func() pgdb.Schema{
	directoryService: directory.DatabaseSchema, identityService: identity.DatabaseSchema, ruleService: rule.DatabaseSchema,
	failedEventsService: failedevents.DatabaseSchema,
}

// databaseLooks look at each server once, and at the schema of each service of this process.
func (s Settings) databaseLooks() (looks []doctor.Look) {
	var urls []string
	services := map[string][]Service{} // by URL
	for _, d := range s.databases() {
		if pgdb.CheckURL(d.url) != nil {
			continue // a problem of the settings
		}
		if services[d.url] == nil {
			urls = append(urls, d.url)
		}
		services[d.url] = append(services[d.url], d.service)
	}
	for _, url := range urls {
		var names []string
		var needed []pgdb.Schema
		for _, service := range services[url] {
			schema, subject := schemas[service](), rpc.CallerName(service)+" database"
			names, needed = append(names, rpc.CallerName(service)), append(needed, schema)
			looks = append(looks, doctor.Look{Check: "database-schema", Subject: subject, Do: func(ctx context.Context, r *doctor.Report) {
				pgdb.ExamineSchema(ctx, url, subject, schema, s.Migrate, r)
			}})
		}
		subject := names[0] + " database"
		if len(names) > 1 {
			subject = "database of " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
		}
		looks = append(looks, doctor.Look{Check: "database-reachable", Subject: subject, Do: func(ctx context.Context, r *doctor.Report) {
			pgdb.ExamineServer(ctx, url, subject, needed, directory.DefaultLease, r)
		}})
	}
	return looks
}

// certificateLooks look at the certificates of this process's services and of its listeners.
func (s Settings) certificateLooks(now func() time.Time) (looks []doctor.Look) {
	if !s.runsAll() && s.CertificatesDir != "" {
		for _, service := range services {
			if !s.runs(service) {
				continue
			}
			looks = append(looks, doctor.Look{Check: "certificate", Subject: rpc.CallerName(service) + " certificate", Do: func(_ context.Context, r *doctor.Report) {
				certificates.ExamineFolder(s.CertificatesDir, service, now(), r)
			}})
		}
	}
	if s.TLSCertFile != "" && s.TLSKeyFile != "" && s.runs(gatewayService) {
		looks = append(looks, doctor.Look{Check: "tls-certificate", Subject: "public listeners", Do: func(_ context.Context, r *doctor.Report) {
			certificates.ExamineListener(s.TLSCertFile, s.TLSKeyFile, s.hosts(), now(), r)
		}})
	}
	return looks
}

// peerLooks look at the services of other processes that services of this one call.
func (s Settings) peerLooks(now func() time.Time) (looks []doctor.Look) {
	if s.runsAll() || s.CertificatesDir == "" {
		return nil
	}
	for _, callee := range services {
		if s.runs(callee) {
			continue
		}
		for _, caller := range services {
			if !s.runs(caller) || !slices.Contains(callees[caller], callee) {
				continue
			}
			subject := fmt.Sprintf("%s, called by %s", rpc.CallerName(callee), rpc.CallerName(caller))
			looks = append(looks, doctor.Look{Check: "peer", Subject: subject, Do: func(ctx context.Context, r *doctor.Report) {
				own, err := certificates.FromFolder(s.CertificatesDir, caller, slog.New(slog.DiscardHandler), now)
				if err != nil {
					r.Add(doctor.Finding{Level: doctor.Skipped, Check: "peer", Subject: subject, Message: "the certificate of " + rpc.CallerName(caller) + " cannot be used: see certificate"})
					return
				}
				examinePeer(ctx, s.service(callee).Addr, callee, own, subject, r)
			}})
		}
	}
	return looks
}
