package certificates_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
)

// lasting creates a folder with certificates for 90 days.
func lasting(t *testing.T, now time.Time) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "certificates")
	authority, err := certificates.NewAuthority(now, 90*24*time.Hour)
	if err == nil {
		err = authority.Write(folder, now, gatewayService, ruleService)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// replace writes a file; with the contents of another one if there is one of this name.
func replace(t *testing.T, path, contents string) {
	t.Helper()
	text, err := os.ReadFile(contents)
	if err != nil {
		text = []byte(contents)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnExaminationOfAFolder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		at     time.Time
		change func(folder string)
		want   [][]string
	}{
		"all is well":       {now.Add(75 * day), func(string) {}, nil},
		"it ends tomorrow":  {now.Add(89*day - time.Hour), func(string) {}, [][]string{{"warning | certificate | gateway certificate", "expires in 25h0m", "openssl x509", doctor.PageCertificates}, {"authority of gateway"}}},
		"it has ended":      {now.Add(91 * day), func(string) {}, [][]string{{"error | certificate | gateway certificate", "expired 24h0m ago"}}},
		"it has not begun":  {now.Add(-2 * time.Hour), func(string) {}, [][]string{{"error", "is not valid before"}}},
		"no file":           {now, func(f string) { _ = os.Remove(f + "/gateway.crt") }, [][]string{{"error", "there is no file", "gateway.crt"}}},
		"no certificate":    {now, func(f string) { replace(t, f+"/gateway.crt", "nothing") }, [][]string{{"error", "contains no certificate in PEM"}}},
		"another authority": {now, func(f string) { replace(t, f+"/ca.crt", lasting(t, now)+"/ca.crt") }, [][]string{{"error", "not signed by a certificate in ca.crt", "openssl verify"}}},
		"another key":       {now, func(f string) { replace(t, f+"/gateway.key", f+"/rule.key") }, [][]string{{"error", "private key does not match"}}},
		"another name": {now, func(f string) {
			replace(t, f+"/gateway.crt", f+"/rule.crt")
			replace(t, f+"/gateway.key", f+"/rule.key")
		}, [][]string{{"error", "not gateway.usher.internal"}}},
		"a key for all to see": {now, func(f string) { _ = os.Chmod(f+"/gateway.key", 0o604) }, [][]string{{"warning", "every user of this machine can read", "chmod o="}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, r := lasting(t, now), &doctor.Report{}
			c.change(folder)
			certificates.ExamineFolder(folder, gatewayService, c.at, r)
			doctortest.Finds(t, r.Findings(), c.want...)
		})
	}
}

func TestAnExaminationOfAListener(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	// No authority that a machine knows signs these, so there is always one warning.
	private := []string{"warning | tls-certificate | public listeners", "no authority that this machine knows"}
	for name, c := range map[string]struct {
		host, key string
		after     time.Duration
		want      [][]string
	}{
		"the right name": {"gateway.usher.internal", "gateway", 0, [][]string{private}},
		"a wrong name":   {"scim.example.com", "gateway", 0, [][]string{private, {"error", "is not valid for scim.example.com", "subjectAltName"}}},
		"another key":    {"gateway.usher.internal", "rule", 0, [][]string{{"error", "cannot be used"}}},
		"it has ended":   {"gateway.usher.internal", "gateway", 100 * 24 * time.Hour, [][]string{{"error", "expired 10 days ago"}}},
		"it ends soon":   {"gateway.usher.internal", "gateway", 80 * 24 * time.Hour, [][]string{private, {"warning", "expires in 10 days"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder, r := lasting(t, now), &doctor.Report{}
			certificates.ExamineListener(folder+"/gateway.crt", folder+"/"+c.key+".key", []string{c.host}, now.Add(c.after), r)
			doctortest.Finds(t, r.Findings(), c.want...)
		})
	}
}
