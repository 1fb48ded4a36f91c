package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	authorityFile = "ca.crt"
	// readEvery is how often a handshake checks for changed files.
	readEvery = 10 * time.Second
)

type files struct{ certificate, key string }

func filesOf(folder string, service commonv1.Caller) files {
	path := filepath.Join(folder, rpc.CallerName(service))
	return files{certificate: path + ".crt", key: path + ".key"}
}

// FromFolder returns the identity of a service from a folder. It reads the files again for a handshake that comes at least 10 seconds after
// the last reading, so that certificates can be renewed while the service runs. If the files can't be read, the last valid ones stay in
// use; the second failure in a row is logged. The error names the file, and contains nothing of a key.
func FromFolder(folder string, service commonv1.Caller, log *slog.Logger, now func() time.Time) (rpc.Identity, error) {
	f := &watched{folder: folder, service: service, log: log, now: now}
	var err error
	f.config, err = read(folder, service, now())
	f.read = now()
	return f.current, err
}

// watched is the certificate of a service in a folder, which is read again from time to time.
type watched struct {
	folder  string
	service commonv1.Caller
	log     *slog.Logger
	now     func() time.Time

	mu     sync.Mutex
	read   time.Time
	failed int // how many readings have failed in a row
	config *tls.Config
}

func (w *watched) current() (*tls.Config, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.read) >= readEvery {
		w.read = now
		// While files are being replaced, they may not match. The last ones stay in use until they do.
		switch config, err := read(w.folder, w.service, now); {
		case err == nil:
			w.config, w.failed = config, 0
		default:
			if w.failed++; w.failed == 2 {
				w.log.Warn("certificates can't be renewed: those that were read last stay in use, until they expire",
					"service", rpc.CallerName(w.service), "error", err)
			}
		}
	}
	return w.config, nil
}

func read(folder string, service commonv1.Caller, now time.Time) (*tls.Config, error) {
	trustedFile, own := filepath.Join(folder, authorityFile), filesOf(folder, service)
	trusted, err := os.ReadFile(trustedFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(trusted) {
		return nil, fmt.Errorf("%s contains no certificate in PEM", trustedFile)
	}
	pair, err := tls.LoadX509KeyPair(own.certificate, own.key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", own.certificate, own.key, err)
	}
	// The other side would refuse such a certificate. It is better to refuse it here, where the file is known.
	intermediates := x509.NewCertPool()
	for _, raw := range pair.Certificate[1:] {
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", own.certificate, err)
		}
		intermediates.AddCert(certificate)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{
			DNSName: rpc.CertificateName(service), Roots: pool, Intermediates: intermediates, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{usage},
		}); err != nil {
			return nil, fmt.Errorf("%s: %w", own.certificate, plainly(err))
		}
	}
	return mutual(pair, pool), nil
}

// plainly describes the fault of a certificate in words that tell an operator what to do.
func plainly(err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("it is not signed by a certificate in %s", authorityFile)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return errors.New("it must be good for servers and for clients (extended key usage)")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "x509: "))
}
