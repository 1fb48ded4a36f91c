package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// peerWithin is how long a replica may take to answer.
	peerWithin = 3 * time.Second
	// mostReplicas is how many replicas of a service are asked.
	mostReplicas = 16
)

// examinePeer asks each replica of a service how it is.
func examinePeer(ctx context.Context, addr string, callee Service, own rpc.Identity, subject string, r *doctor.Report) {
	ctx, cancel := context.WithTimeout(ctx, peerWithin)
	defer cancel()
	bad := func(level doctor.Level, message, command string) {
		r.Add(doctor.Finding{Level: level, Check: "peer", Subject: subject, Message: message, Command: command, Page: doctor.PagePeer})
	}
	replicas, err := resolve(ctx, addr)
	if err != nil {
		bad(doctor.Error, err.Error(), "")
		return
	}
	errs := make([]error, len(replicas))
	var asking sync.WaitGroup
	for i, replica := range replicas {
		asking.Go(func() { errs[i] = rpc.Probe(ctx, replica, callee, own) })
	}
	asking.Wait()
	served := 0
	for _, err := range errs {
		if err == nil {
			served++
		}
	}
	for i, err := range errs {
		// With another replica, the service works. A wrong certificate does not mend itself.
		level := doctor.Error
		if served > 0 {
			level = doctor.Warning
		}
		host, port, _ := net.SplitHostPort(replicas[i])
		switch {
		case err == nil:
		case errors.Is(err, rpc.ErrDistrusted):
			bad(doctor.Error, fmt.Sprintf("%s: %v", replicas[i], err), fmt.Sprintf("openssl s_client -connect %s -servername %s </dev/null", replicas[i], rpc.CertificateName(callee)))
		case errors.Is(err, rpc.ErrNotServing):
			bad(level, fmt.Sprintf("%s: %v: it is starting or stopping", replicas[i], err), "")
		default:
			bad(level, fmt.Sprintf("%s: %v: does the process run, and does the network let this machine through?", replicas[i], err), fmt.Sprintf("nc -vz %s %s", host, port))
		}
	}
	if served > 0 {
		r.Add(doctor.Finding{Level: doctor.OK, Check: "peer", Subject: subject, Message: fmt.Sprintf("%d of %d replicas serve (%s)", served, len(replicas), addr)})
	}
}

// resolve returns the addresses of the replicas that the setting addr of a service names.
func resolve(ctx context.Context, addr string) (replicas []string, err error) {
	for _, one := range strings.Split(addr, ",") {
		host, port, err := net.SplitHostPort(strings.TrimSpace(one))
		if err != nil {
			return nil, fmt.Errorf("%q is not an address: see settings", one)
		}
		found, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("the name %s has no address: %w", host, err)
		}
		for _, ip := range found {
			replicas = append(replicas, net.JoinHostPort(ip, port))
		}
	}
	return replicas[:min(len(replicas), mostReplicas)], nil
}
