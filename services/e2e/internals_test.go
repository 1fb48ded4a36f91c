package e2e

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/metadata"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// A process whose certificate is another authority's reaches no service. Both sides say in their logs what is the matter.
func TestACertificateOfAnotherAuthorityOpensNoService(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoGateways(t, time.Second))
	real := d.newDirectory(nil)
	folder := settingOf(d.processes["gateway"], "USHER_CERTIFICATES_DIR")
	for _, c := range []struct {
		name   string
		trusts string // besides its own authority
		theirs string // what the stranger says
		ours   string // what directory says
	}{
		{"it trusts only its own", "", "certificate signed by unknown authority", "bad certificate"},
		// As when certificates were renewed here and not there: it is the server that refuses.
		{"it trusts ours too", filepath.Join(folder, "ca.crt"), "unknown certificate authority", "certificate signed by unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			others := certificatesFor(t)
			if c.trusts != "" {
				appendTo(t, filepath.Join(others, "ca.crt"), c.trusts)
			}
			stranger := newProcess(t, "stranger", append(append([]string{}, d.processes["gateway"].env...),
				"USHER_CERTIFICATES_DIR="+others, "USHER_DATA_DIR="+t.TempDir(),
				"USHER_SCIM_ADDR="+anyPort, "USHER_ADMIN_ADDR="+anyPort, "USHER_GRPC_ADDR="+anyPort, "USHER_OPS_ADDR="+anyPort)...)
			said := len(d.processes["directory"].said())
			if err := stranger.start(); err != nil {
				t.Fatal(err)
			}
			// The key is good.
			real.at(&usher{t: t, addrs: stranger.addrs}).send("GET", "/Users", "", http.StatusServiceUnavailable)
			requireLine(t, stranger, 0, "level=WARN", "one side does not trust the other's certificate", "service=directory.usher.internal", c.theirs)
			requireLine(t, stranger, 0, "level=WARN", "keys cannot be checked")
			requireLine(t, d.processes["directory"], said, "level=WARN", "a connection was refused", c.ours)
			requireNoStack(t, stranger, d.processes["directory"])
		})
	}
	real.send("GET", "/Users", "", http.StatusOK)
}

// A service whose certificate is good calls nothing but what the contract lets it call.
func TestAServiceCallsNothingThatItMayNotCall(t *testing.T) {
	t.Parallel()
	d := deploy(t, twoGateways(t, time.Second))
	folder := settingOf(d.processes["gateway"], "USHER_CERTIFICATES_DIR")
	identity, err := certificates.FromFolder(folder, commonv1.Caller_CALLER_FAILEDEVENTS, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	conn, err := rpc.Dial(settingOf(d.processes["gateway"], "USHER_DIRECTORY__ADDR"), commonv1.Caller_CALLER_DIRECTORY, identity,
		rpc.Telemetry{Log: slog.New(slog.NewTextHandler(&log, nil)), Tracing: noop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// What a call claims to be is not asked.
	ctx = metadata.AppendToOutgoingContext(ctx, "usher-caller", "gateway")
	ctx = rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM})
	_, err = directoryv1.NewKeyLookupServiceClient(conn).ResolveKey(ctx, &directoryv1.ResolveKeyRequest{KeyDigest: make([]byte, 32)})
	f := requireReason(t, "a look-up of a key", err, fault.NotAllowed)
	if !strings.Contains(f.Message, "failedevents may not call /usher.directory.v1.KeyLookupService/ResolveKey") {
		t.Errorf("the caller is told %q", f.Message)
	}
	requireLine(t, d.processes["directory"], 0, "level=WARN", "rpc=/usher.directory.v1.KeyLookupService/ResolveKey", "caller=failedevents", "CALLER_NOT_ALLOWED")
	requireNoStack(t, d.processes["directory"])

	// One that shows another service's certificate does not even start.
	mixed := certificatesFor(t)
	for _, kind := range []string{".crt", ".key"} {
		if err := os.Rename(filepath.Join(mixed, "rule"+kind), filepath.Join(mixed, "gateway"+kind)); err != nil {
			t.Fatal(err)
		}
	}
	err = newProcess(t, "mixed", append(append([]string{}, d.processes["gateway"].env...), "USHER_CERTIFICATES_DIR="+mixed,
		"USHER_DATA_DIR="+t.TempDir(), "USHER_SCIM_ADDR="+anyPort, "USHER_ADMIN_ADDR="+anyPort, "USHER_GRPC_ADDR="+anyPort, "USHER_OPS_ADDR="+anyPort)...).start()
	if err == nil || !strings.Contains(err.Error(), "gateway.crt: certificate is valid for rule.usher.internal, not gateway.usher.internal") {
		t.Errorf("with the rule service's certificate the gateway says: %v", err)
	}
}

// settingOf is the value that a process has of a variable.
func settingOf(p *process, variable string) (value string) {
	for _, one := range p.env {
		if v, ok := strings.CutPrefix(one, variable+"="); ok {
			value = v
		}
	}
	return value
}

func appendTo(t *testing.T, file, other string) {
	t.Helper()
	var all []byte
	for _, path := range []string{file, other} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// requireLine waits until a process has logged a line with all these parts, after what it had said before.
func requireLine(t *testing.T, p *process, before int, parts ...string) {
	t.Helper()
	eventually(t, p.name+" logs "+strings.Join(parts, ", "), func() bool {
		for line := range strings.Lines(p.said()[before:]) {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(line, part)
			}
			if all {
				return true
			}
		}
		return false
	})
}

func requireNoStack(t *testing.T, processes ...*process) {
	t.Helper()
	for _, p := range processes {
		for _, word := range []string{"goroutine ", "panic", ".go:"} {
			if said := p.said(); strings.Contains(said, word) {
				t.Errorf("the log of %s has %q:\n%s", p.name, word, tail(said))
			}
		}
	}
}
