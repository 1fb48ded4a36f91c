package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// mostPEM bounds the bytes of a file with certificates.
const mostPEM = 4 << 20

// ExamineFolder looks at the certificate of a service in a folder, and at the authorities there.
func ExamineFolder(folder string, service commonv1.Caller, now time.Time, r *doctor.Report) {
	const check = "certificate"
	subject, own := rpc.CallerName(service)+" certificate", filesOf(folder, service)
	open(own.key, check, subject, r)
	if !expiries(own.certificate, check, subject, now, r) {
		return
	}
	if !expiries(filepath.Join(folder, authorityFile), check, "authority of "+subject, now, r) {
		return
	}
	// The rest is what the service itself demands.
	if _, err := read(folder, service, now); err != nil {
		r.Add(doctor.Finding{Level: doctor.Error, Check: check, Subject: subject, Message: err.Error() + ": the other services refuse it", Page: doctor.PageCertificates,
			Command: fmt.Sprintf("openssl verify -CAfile %s %s", filepath.Join(folder, authorityFile), own.certificate)})
		return
	}
	r.Add(doctor.Finding{Level: doctor.OK, Check: check, Subject: subject, Message: "it has the right name, fits its key, and is signed by a trusted authority"})
}

// ExamineListener looks at the certificate of a public listener. hosts are the names at which clients reach it.
func ExamineListener(certificateFile, keyFile string, hosts []string, now time.Time, r *doctor.Report) {
	const check, subject = "tls-certificate", "public listeners"
	bad := func(level doctor.Level, message, command string) {
		r.Add(doctor.Finding{Level: level, Check: check, Subject: subject, Message: message, Command: command, Page: doctor.PageCertificates})
	}
	open(keyFile, check, subject, r)
	if !expiries(certificateFile, check, subject, now, r) {
		return
	}
	pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		bad(doctor.Error, fmt.Sprintf("%s and %s cannot be used: %v", certificateFile, keyFile, err), "")
		return
	}
	for _, host := range hosts {
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			bad(doctor.Error, fmt.Sprintf("%s is not valid for %s, at which clients reach the listener: they refuse it", certificateFile, host),
				"openssl x509 -noout -ext subjectAltName -in "+certificateFile)
		}
	}
	intermediates := x509.NewCertPool()
	for _, raw := range pair.Certificate[1:] {
		if certificate, err := x509.ParseCertificate(raw); err == nil {
			intermediates.AddCert(certificate)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Intermediates: intermediates, CurrentTime: now}); err != nil {
		bad(doctor.Warning, fmt.Sprintf("no authority that this machine knows signs %s: clients need the authority, or the certificates between are missing in the file (%v)", certificateFile, plainly(err)), "")
		return
	}
	r.Add(doctor.Finding{Level: doctor.OK, Check: check, Subject: subject, Message: "it fits its key, and is signed by an authority that this machine knows"})
}

// open reports a key that other users of the machine can read.
func open(keyFile, check, subject string, r *doctor.Report) {
	if info, err := os.Stat(keyFile); err == nil && info.Mode().Perm()&0o007 != 0 {
		r.Add(doctor.Finding{Level: doctor.Warning, Check: check, Subject: subject, Message: "every user of this machine can read the key " + keyFile,
			Command: "chmod o= " + keyFile, Page: doctor.PageCertificates})
	}
}

// expiries reports the first end of the certificates in a file, and whether it can be used now.
func expiries(file, check, subject string, now time.Time, r *doctor.Report) bool {
	bad := func(message string) bool {
		r.Add(doctor.Finding{Level: doctor.Error, Check: check, Subject: subject, Message: message, Page: doctor.PageCertificates})
		return false
	}
	certificates, err := parse(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("there is no file " + file)
	case err != nil:
		return bad(err.Error())
	}
	// Of authorities, one that has expired beside others harms nobody. Of a chain, the first certificate is the service's own, and the rest
	// may be superfluous: reading and verifying the chain decides.
	first := certificates[0]
	for _, c := range certificates[1:] {
		if first.IsCA && c.NotAfter.After(first.NotAfter) {
			first = c
		}
	}
	if begin := certificates[0].NotBefore; begin.After(now) {
		return bad(fmt.Sprintf("%s is not valid before %s: is the clock of this machine right?", file, begin.UTC().Format(time.RFC3339)))
	}
	f := doctor.Expiry(check, subject, file, first.NotAfter, now)
	r.Add(f)
	return f.Level != doctor.Error
}

// parse reads the certificates in a PEM file; there is at least one.
func parse(file string) (all []*x509.Certificate, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > mostPEM {
		return nil, fmt.Errorf("%s is no file with certificates: it has %d bytes", file, info.Size())
	}
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s contains no certificate in PEM", file)
	}
	return all, nil
}
