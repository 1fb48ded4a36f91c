package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/doctor"
)

// Metrics of a running process that say whether access follows. The doctor reads them from the process, because only the process knows how
// old a change is that it has not processed.
const (
	metricOldestChange = "usher_rule_oldest_change_age_seconds"
	metricSetAside     = "usher_rule_users_set_aside"
)

// Ages of the oldest change that access does not include.
const (
	someLag = 10 * time.Second
	muchLag = time.Minute
)

// mostMetrics bounds the bytes of an answer of a process.
const mostMetrics = 8 << 20

// examineProcess asks the process with these settings, if it runs on this machine, whether it is ready and whether access follows.
func (s Settings) examineProcess(ctx context.Context, r *doctor.Report) {
	say := func(level doctor.Level, check, subject, message, page string) {
		r.Add(doctor.Finding{Level: level, Check: check, Subject: subject, Message: message, Page: page})
	}
	const process, access = "process", "access of all organizations"
	ready, _, err := s.askProcess(ctx, "/readyz")
	switch {
	case err != nil:
		say(doctor.Skipped, process, "operations address", "no process answers at ops_addr, "+s.OpsAddr+": start Usher, or run the doctor on its machine. "+
			"Whether it is ready, and how far access lags, is not known ("+err.Error()+")", "")
		return
	case ready != http.StatusOK:
		say(doctor.Warning, process, "operations address", "the process at "+s.OpsAddr+" is starting or stopping, and load balancers send it nothing", "")
	default:
		say(doctor.OK, process, "operations address", "the process at "+s.OpsAddr+" is ready", "")
	}
	if !s.runs(ruleService) {
		say(doctor.Skipped, "feed-lag", access, "this process does not run the service rule: run the doctor with the settings of one that does", "")
		return
	}
	status, text, err := s.askProcess(ctx, "/metrics")
	if err != nil || status != http.StatusOK {
		say(doctor.Skipped, "feed-lag", access, fmt.Sprintf("the process at %s does not tell its metrics: status %d, %v", s.OpsAddr, status, err), "")
		return
	}
	lag, known := gauge(text, metricOldestChange)
	age := time.Duration(lag * float64(time.Second))
	switch {
	case !known:
		say(doctor.Skipped, "feed-lag", access, "the process at "+s.OpsAddr+" does not report "+metricOldestChange, "")
	case age >= someLag:
		level := doctor.Warning
		if age >= muchLag {
			level = doctor.Error
		}
		say(level, "feed-lag", access, "the oldest change that access does not include is "+doctor.Span(age)+" old: identity cannot be reached, a transaction holds its feed back, or users are set aside", doctor.PageLag)
	default:
		say(doctor.OK, "feed-lag", access, "access includes all changes that are older than "+doctor.Span(age), "")
	}
	if users, known := gauge(text, metricSetAside); known && users > 0 {
		say(doctor.Warning, "users-set-aside", access, fmt.Sprintf("the access of %.0f users cannot be computed now, and stays as it was: usher access status names the organizations", users), doctor.PageLag)
	}
}

// askProcess gets a page of the operations address of the process with these settings.
func (s Settings) askProcess(ctx context.Context, path string) (status int, text []byte, err error) {
	host, port, err := net.SplitHostPort(s.OpsAddr)
	if err != nil {
		return 0, nil, err
	}
	if port == "0" {
		return 0, nil, errors.New("its port is any free one")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true} // without the proxy of the environment
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, mostMetrics+1))
	if err == nil && len(text) > mostMetrics {
		err = fmt.Errorf("the answer has more than %d bytes", mostMetrics)
	}
	return response.StatusCode, text, errors.Join(err, response.Body.Close())
}

// gauge returns the greatest value of a metric in Prometheus's text format.
func gauge(text []byte, name string) (greatest float64, found bool) {
	for line := range bytes.Lines(text) {
		rest, ok := strings.CutPrefix(string(line), name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		if end := strings.LastIndexByte(rest, '}'); end >= 0 {
			rest = rest[end+1:]
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil && (!found || value > greatest) {
			greatest, found = value, true
		}
	}
	return greatest, found
}
