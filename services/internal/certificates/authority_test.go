package certificates_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestACertificateIsOfOneServiceForADayAndTrustedHereAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	authority, err := certificates.NewAuthority(now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := certificates.NewAuthority(now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	gateway := config(t, authority, now)
	leaf, err := x509.ParseCertificate(gateway.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	name := rpc.CertificateName(commonv1.Caller_CALLER_GATEWAY)
	verify := func(roots *x509.CertPool, dnsName string, at time.Time, usage x509.ExtKeyUsage) error {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: dnsName, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		good bool
	}{
		{"as a client", verify(gateway.RootCAs, name, now, x509.ExtKeyUsageClientAuth), true},
		{"as a server", verify(gateway.RootCAs, name, now, x509.ExtKeyUsageServerAuth), true},
		{"on a clock that is a little slow", verify(gateway.RootCAs, name, now.Add(-time.Minute), x509.ExtKeyUsageClientAuth), true},
		{"under another name", verify(gateway.RootCAs, "rule.usher.internal", now, x509.ExtKeyUsageClientAuth), false},
		{"a day later", verify(gateway.RootCAs, name, now.Add(25*time.Hour), x509.ExtKeyUsageClientAuth), false},
		{"for another authority", verify(config(t, stranger, now).RootCAs, name, now, x509.ExtKeyUsageClientAuth), false},
	} {
		if (c.err == nil) != c.good {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	if gateway.ClientAuth != tls.RequireAndVerifyClientCert || gateway.MinVersion != tls.VersionTLS13 {
		t.Errorf("the configuration asks for %v and takes %x", gateway.ClientAuth, gateway.MinVersion)
	}
}

func config(t *testing.T, a *certificates.Authority, now time.Time) *tls.Config {
	t.Helper()
	c, err := a.TLS(commonv1.Caller_CALLER_GATEWAY, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
