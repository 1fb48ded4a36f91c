package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Authority signs certificates. Its key is only in memory.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
	lifetime    time.Duration
}

// NewAuthority creates an authority. Its certificate, and those that it signs, are valid from now for the lifetime.
func NewAuthority(now time.Time, lifetime time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("creating the authority's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Usher development authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	certificate, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &Authority{certificate: certificate, key: key, pool: pool, lifetime: lifetime}, nil
}

// TLS returns the TLS configuration of a service, for its server and for its calls. It has a certificate with the name of the service, and
// trusts only this authority.
func (a *Authority) TLS(service commonv1.Caller, now time.Time) (*tls.Config, error) {
	certificate, key, err := a.issue(service, now)
	if err != nil {
		return nil, err
	}
	return mutual(tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}, a.pool), nil
}

// Write creates a folder with certificates of all these services. It does not overwrite a file. If a file exists, the error is fs.ErrExist.
func (a *Authority) Write(folder string, now time.Time, services ...commonv1.Caller) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := write(filepath.Join(folder, authorityFile), "CERTIFICATE", a.certificate.Raw); err != nil {
		return err
	}
	for _, service := range services {
		certificate, key, err := a.issue(service, now)
		if err != nil {
			return err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		files := filesOf(folder, service)
		if err := errors.Join(write(files.certificate, "CERTIFICATE", certificate.Raw), write(files.key, "PRIVATE KEY", secret)); err != nil {
			return err
		}
	}
	return nil
}

// write creates a PEM file that only its user may read.
func write(path, kind string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s already exists: %w", path, err)
	}
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(file, &pem.Block{Type: kind, Bytes: content}), file.Close())
}

func (a *Authority) issue(service commonv1.Caller, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("creating a service's key: %w", err)
	}
	name := rpc.CertificateName(service)
	certificate, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(a.lifetime),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, &key.PublicKey, a.key)
	return certificate, key, err
}

// mutual returns the configuration for both sides of mutual TLS.
func mutual(own tls.Certificate, trusted *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{own},
		RootCAs:      trusted,
		ClientCAs:    trusted,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	}
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("creating a serial number: %w", err)
	}
	template.SerialNumber = serial
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return x509.ParseCertificate(raw)
}
