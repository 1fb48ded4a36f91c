package app

import (
	"context"
	"crypto/tls"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/internal/rpc"
)

// errNoCertificate means that there is nothing to observe.
var errNoCertificate = errors.New("there is no certificate")

// observeCertificates reports when the certificates that this process uses expire, until it stops.
func (a *App) observeCertificates() error {
	in := map[string]func() (*tls.Certificate, error){}
	for service, identity := range a.mesh.identities {
		in[rpc.CallerName(service)] = func() (*tls.Certificate, error) {
			config, err := identity()
			if err == nil && len(config.Certificates) == 0 {
				err = errNoCertificate
			}
			if err != nil {
				return nil, err
			}
			return &config.Certificates[0], nil
		}
	}
	if public := a.listeners.public; public != nil {
		in["public"] = func() (*tls.Certificate, error) { return public.GetCertificate(nil) }
	}
	meter := a.options.Telemetry.Meter.Meter("github.com/usher-scim/usher/services/app")
	gauge, err := meter.Float64ObservableGauge("usher_certificate_expire_timestamp_seconds", metric.WithUnit("s"), metric.WithDescription(
		"When a certificate of this process expires, in seconds since 1970: that of a service, or the public one of the listeners."))
	if err != nil {
		return err
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for name, read := range in {
			if certificate, err := read(); err == nil && certificate.Leaf != nil {
				o.ObserveFloat64(gauge, float64(certificate.Leaf.NotAfter.Unix()), metric.WithAttributes(attribute.String("certificate", name)))
			}
		}
		return nil
	}, gauge)
	if err != nil {
		return err
	}
	a.add(component{name: "the expiry of certificates", close: withoutContext(registration.Unregister)})
	return nil
}
