package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// listeners are the gateway's three listeners, which are nil in a process without it, and the one for operations.
type listeners struct {
	scim, admin, grpc, ops net.Listener

	public *tls.Config // of the first three; nil without TLS
}

func listen(ctx context.Context, s Settings, log *slog.Logger, meter metric.MeterProvider, now func() time.Time) (l listeners, err error) {
	limit, err := newConnectionLimit(s, log, meter)
	if err != nil {
		return l, err
	}
	if s.TLSCertFile != "" && s.runs(gatewayService) {
		if l.public, err = publicTLS(s.TLSCertFile, s.TLSKeyFile, log, now); err != nil {
			return l, fmt.Errorf("tls_cert_file: %w", err)
		}
	}
	for _, door := range []struct {
		label, key, addr string
		listener         *net.Listener
		gateway          bool
		protocol         string
	}{
		{"scim", "scim_addr", s.SCIMAddr, &l.scim, true, "http/1.1"},
		{"admin", "admin_addr", s.AdminAddr, &l.admin, true, "http/1.1"},
		{"grpc", "grpc_addr", s.GRPCAddr, &l.grpc, true, "h2"},
		{"ops", "ops_addr", s.OpsAddr, &l.ops, false, ""},
	} {
		if door.gateway && !s.runs(gatewayService) {
			continue
		}
		if *door.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", door.addr); err != nil {
			return l, errors.Join(fmt.Errorf("%s: %w", door.key, err), l.close())
		}
		*door.listener = limit.of(door.label, *door.listener)
		if door.gateway && l.public != nil {
			config := l.public.Clone()
			config.NextProtos = []string{door.protocol}
			*door.listener = tls.NewListener(*door.listener, config)
		}
	}
	return l, nil
}

func (l listeners) close() error {
	var errs []error
	for _, listener := range []net.Listener{l.scim, l.admin, l.grpc, l.ops} {
		if listener != nil {
			errs = append(errs, ignoreClosed(listener.Close()))
		}
	}
	return errors.Join(errs...)
}

// addr returns a listener's address; empty if there is none.
func addr(listener net.Listener) string {
	if listener == nil {
		return ""
	}
	return listener.Addr().String()
}

// publicTLS returns the configuration of the gateway's listeners. It reads the files again once a minute, so that the certificate can
// be renewed without a restart. If that fails, it logs the failure and continues with the last valid certificate.
func publicTLS(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	read := now()
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if at := now(); at.Sub(read) >= time.Minute {
				read = at
				if renewed, err := tls.LoadX509KeyPair(certFile, keyFile); err == nil {
					pair = renewed
				} else {
					log.Warn("tls_cert_file can't be renewed: what was read last stays in use, until it expires", "error", err)
				}
			}
			current := pair
			return &current, nil
		},
	}, nil
}
