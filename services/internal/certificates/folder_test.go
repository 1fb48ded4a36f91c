package certificates_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
)

const (
	gatewayService = commonv1.Caller_CALLER_GATEWAY
	ruleService    = commonv1.Caller_CALLER_RULE
)

// written creates a folder for two services, with its own authority.
func written(t *testing.T, now time.Time) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certificates")
	authority, err := certificates.NewAuthority(now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Write(folder, now, gatewayService, ruleService); err != nil {
		t.Fatal(err)
	}
	if err := authority.Write(folder, now, gatewayService); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it was overwritten: %v", err)
	}
	return folder
}

func TestAFolderNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	copyOver := func(t *testing.T, from, to string) {
		t.Helper()
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		at     time.Time
		change func(t *testing.T, folder string)
		want   []string
	}{
		"as it was made": {now, func(*testing.T, string) {}, nil},
		"no authority": {now, func(t *testing.T, folder string) {
			if err := os.Remove(folder + "/ca.crt"); err != nil {
				t.Fatal(err)
			}
		}, []string{"ca.crt", "no such file"}},
		"an authority that is none": {now, func(t *testing.T, folder string) {
			if err := os.WriteFile(folder+"/ca.crt", []byte("trust me"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"ca.crt contains no certificate"}},
		"another authority": {now, func(t *testing.T, folder string) {
			copyOver(t, written(t, now)+"/ca.crt", folder+"/ca.crt")
		}, []string{"gateway.crt", "not signed by a certificate in ca.crt"}},
		"another service's certificate": {now, func(t *testing.T, folder string) {
			copyOver(t, folder+"/rule.crt", folder+"/gateway.crt")
			copyOver(t, folder+"/rule.key", folder+"/gateway.key")
		}, []string{"gateway.crt", "rule.usher.internal, not gateway.usher.internal"}},
		"a key of another certificate": {now, func(t *testing.T, folder string) {
			copyOver(t, folder+"/rule.key", folder+"/gateway.key")
		}, []string{"gateway.key", "private key does not match"}},
		"an expired certificate": {now.Add(25 * time.Hour), func(*testing.T, string) {}, []string{"gateway.crt", "expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := written(t, now)
			c.change(t, folder)
			_, err := certificates.FromFolder(folder, gatewayService, slog.New(slog.DiscardHandler), func() time.Time { return c.at })
			if (err == nil) != (len(c.want) == 0) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestRenewedCertificatesAreTakenUp(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	folder := written(t, now)
	var log bytes.Buffer
	identity, err := certificates.FromFolder(folder, gatewayService, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		config, err := identity()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.String()
	}
	first := serial()
	renewed := written(t, now)
	for _, file := range []string{"gateway.key", "gateway.crt", "ca.crt"} {
		now = now.Add(time.Minute)
		if serial() != first {
			t.Errorf("before %s was there, files were taken that do not belong together", file)
		}
		if err := os.Rename(filepath.Join(renewed, file), filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	if serial() != first {
		t.Error("the files were read twice within ten seconds")
	}
	if now = now.Add(time.Minute); serial() == first {
		t.Error("the new certificate was not taken up")
	}
	if strings.Count(log.String(), "can't be renewed") != 1 {
		t.Errorf("what could not be read was logged as %q", log.String())
	}
}
