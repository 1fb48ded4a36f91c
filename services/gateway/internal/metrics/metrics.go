// Package metrics defines every metric of the gateway: names, labels and units in one place. Label values come from closed sets; none
// contains an id, a path or any other value that a client chooses.
package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// The names of the metrics.
const (
	Messages               = "usher_gateway_messages_total"
	MessageDuration        = "usher_gateway_message_duration_seconds"
	Requests               = "usher_gateway_requests_total"
	RequestDuration        = "usher_gateway_request_duration_seconds"
	Unauthenticated        = "usher_gateway_unauthenticated_total"
	OperatorRefused        = "usher_gateway_operator_unauthenticated_total"
	OperatorTokens         = "usher_operator_tokens"
	OperatorTokensRefused  = "usher_operator_token_files_refused_total"
	SignIns                = "usher_gateway_sign_ins_total"
	RateLimited            = "usher_gateway_rate_limited_total"
	OverBudget             = "usher_gateway_over_budget_total"
	InFlightBytes          = "usher_gateway_in_flight_bytes"
	WatchesRefused         = "usher_gateway_watches_refused_total"
	FailedEvents           = "usher_gateway_failed_events_total"
	FailedEventsDelivered  = "usher_gateway_failed_events_delivered_total"
	FailedEventsDropped    = "usher_gateway_failed_events_dropped_total"
	TalliesDropped         = "usher_gateway_message_tallies_dropped_total"
	SpoolBytes             = "usher_gateway_spool_bytes"
	SpoolLimit             = "usher_gateway_spool_limit_bytes"
	KeyLookups             = "usher_gateway_key_lookups_total"
	IgnoredValues          = "usher_gateway_ignored_values_total"
	Quirks                 = "usher_gateway_quirks_total"
	UsesDropped            = "usher_gateway_credential_uses_dropped_total"
	meterName              = "github.com/usher-scim/usher/services/gateway"
	routeLabel             = "route"
	methodLabel            = "method"
	statusClassLabel       = "status_class"
	reasonLabel            = "reason"
	apiLabel               = "api"
	quirkLabel             = "quirk"
	budgetLabel            = "budget"
	sourceLabel            = "source"
	longestUsefulQuirkName = 50
)

// Metrics contains the instruments.
type Metrics struct {
	Messages              metric.Int64Counter
	MessageDuration       metric.Float64Histogram
	Unauthenticated       metric.Int64Counter
	OperatorRefused       metric.Int64Counter
	OperatorTokensRefused metric.Int64Counter
	SignIns               metric.Int64Counter
	RateLimited           metric.Int64Counter
	OverBudget            metric.Int64Counter
	WatchesRefused        metric.Int64Counter
	FailedEvents          metric.Int64Counter
	FailedEventsDelivered metric.Int64Counter
	FailedEventsDropped   metric.Int64Counter
	TalliesDropped        metric.Int64Counter
	IgnoredValues         metric.Int64Counter
	Quirks                metric.Int64Counter
	UsesDropped           metric.Int64Counter

	requests        metric.Int64Counter
	requestDuration metric.Float64Histogram
	known           sync.Map // the attributes of requests, by requested

	meter metric.Meter
}

// New creates the instruments.
func New(provider metric.MeterProvider) (*Metrics, error) {
	m := &Metrics{meter: provider.Meter(meterName)}
	var problems []error
	counter := func(name, description string) metric.Int64Counter {
		c, err := m.meter.Int64Counter(name, metric.WithDescription(description))
		problems = append(problems, err)
		return c
	}
	m.Messages = counter(Messages, "SCIM messages of authenticated directories, by the status of the answer.")
	m.requests = counter(Requests, "Requests of any client that ended, by API, route and class of the status.")
	m.Unauthenticated = counter(Unauthenticated, "SCIM requests that failed before they were authenticated.")
	m.OperatorTokensRefused = counter(OperatorTokensRefused, "Readings of a file with an operator's token that found no valid token in it. Missing files do not count.")
	m.OperatorRefused = counter(OperatorRefused, "Requests of the admin REST API and calls of the public gRPC API without a valid token or service credential, by the reason.")
	m.SignIns = counter(SignIns, "Attempts to sign in, to sign out at a provider, or to use a portal link, by result: ok, failed if it could not be served then, or the reason of the refusal.")
	m.RateLimited = counter(RateLimited, "SCIM messages that were over their directory's rate.")
	m.OverBudget = counter(OverBudget, "Requests that were refused because a memory budget was used up (that of their directory or credential, or the total), or because their turn did not come.")
	m.WatchesRefused = counter(WatchesRefused, "Watches that were refused because their credential has the greatest number of open watches.")
	m.FailedEvents = counter(FailedEvents, "Failed events that were written to the spool.")
	m.FailedEventsDelivered = counter(FailedEventsDelivered, "Failed events that the failedevents service accepted.")
	m.FailedEventsDropped = counter(FailedEventsDropped, "Failed events that were lost.")
	m.TalliesDropped = counter(TalliesDropped, "Losses in the counts of messages of directories, by reason: too_many, a message of a directory beyond those that are counted; unwritten, a tally without room in the spool until the gateway stopped; refused, a tally that violates the contract.")
	m.IgnoredValues = counter(IgnoredValues, "Values in SCIM messages that were accepted and not stored.")
	m.Quirks = counter(Quirks, "Quirks in SCIM messages that tolerant mode understood.")
	m.UsesDropped = counter(UsesDropped, "Uses of credentials, and refusals of directories, that were not noted because there were too many.")
	var err error
	m.MessageDuration, err = m.meter.Float64Histogram(MessageDuration, metric.WithUnit("s"),
		metric.WithDescription("How long SCIM messages of authenticated directories took, by method and route, where these exist."),
		metric.WithExplicitBucketBoundaries(.0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30))
	problems = append(problems, err)
	// A counter that begins at 1 shows no increase.
	for _, budget := range []string{inflight.ShareBudget, inflight.CredentialBudget, inflight.OrganizationBudget, inflight.TotalBudget, inflight.TurnsBudget} {
		m.OverBudget.Add(context.Background(), 0, Budget(budget))
	}
	m.RateLimited.Add(context.Background(), 0)
	m.SignIns.Add(context.Background(), 0, Reason("ok"))
	m.requestDuration, err = m.meter.Float64Histogram(RequestDuration, metric.WithUnit("s"),
		metric.WithDescription("How long requests of any client took, by API. Watches are not in it."),
		metric.WithExplicitBucketBoundaries(.0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30))
	return m, errors.Join(append(problems, err)...)
}

// requested is what one counter of requests counts.
type requested struct{ api, route, class string }

// Request measures a request that ended. route is a template, or the name of an RPC. class is the class of the status, such as 2xx, or the
// status code of gRPC. A watch, which lasts until its client leaves, has no duration.
func (m *Metrics) Request(ctx context.Context, api, route, class string, took time.Duration, watch bool) {
	m.requests.Add(ctx, 1, m.attributes(requested{api, route, class}))
	if !watch {
		m.requestDuration.Record(ctx, took.Seconds(), m.attributes(requested{api: api}))
	}
}

// attributes returns the attributes of what is counted. Making them for each request would take longer than counting it.
func (m *Metrics) attributes(of requested) metric.MeasurementOption {
	if known, ok := m.known.Load(of); ok {
		return known.(metric.MeasurementOption)
	}
	all := []attribute.KeyValue{attribute.String(apiLabel, of.api)}
	if of.route != "" {
		all = append(all, attribute.String(routeLabel, of.route), attribute.String(statusClassLabel, of.class))
	}
	made := metric.WithAttributeSet(attribute.NewSet(all...))
	m.known.Store(of, made)
	return made
}

// Class returns the class of an HTTP status, such as 2xx.
func Class(status int) string { return string('0'+rune(status/100)) + "xx" } //nolint:gosec // three digits

// ObserveOperatorTokens reports the number of valid tokens of the operator when metrics are read, until the registration ends.
func (m *Metrics) ObserveOperatorTokens(count func() int64) (metric.Registration, error) {
	return m.observe(OperatorTokens, "{token}", "Valid tokens of the operator.", count)
}

// ObserveSpool reports the size of the spool when metrics are read, until the registration ends, and its greatest size.
func (m *Metrics) ObserveSpool(bytes func() int64, most int64) (metric.Registration, error) {
	limit, err := m.meter.Int64Gauge(SpoolLimit, metric.WithUnit("By"), metric.WithDescription("The greatest size of the spool (gateway.spool_bytes)."))
	if err != nil {
		return nil, err
	}
	limit.Record(context.Background(), most)
	return m.observe(SpoolBytes, "By", "Failed events, and counts of messages, that wait on disk to be delivered.", bytes)
}

// ObserveInFlight reports the memory that requests in flight have reserved when metrics are read, until the registration ends.
func (m *Metrics) ObserveInFlight(bytes func() int64) (metric.Registration, error) {
	return m.observe(InFlightBytes, "By", "Memory that requests under way have reserved, of SCIM, the admin REST API and the public gRPC API.", bytes)
}

func (m *Metrics) observe(name, unit, description string, value func() int64) (metric.Registration, error) {
	gauge, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	if err != nil {
		return nil, err
	}
	return m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(gauge, value())
		return nil
	}, gauge)
}

// ObserveKeys reports how many look-ups of keys each layer has answered, until the registration ends.
func (m *Metrics) ObserveKeys(counts func() keylease.Counts) (metric.Registration, error) {
	counter, err := m.meter.Int64ObservableCounter(KeyLookups,
		metric.WithDescription("Look-ups of keys, by what answered: this process, the cache that gateways share, or the directory service."))
	if err != nil {
		return nil, err
	}
	source := func(name string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String(sourceLabel, name))
	}
	process, shared, directory := source("process"), source("shared"), source("directory")
	return m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		n := counts()
		o.ObserveInt64(counter, n.Process, process)
		o.ObserveInt64(counter, n.Shared, shared)
		o.ObserveInt64(counter, n.Directory, directory)
		return nil
	}, counter)
}

// Message labels a message: its route as a template, its method, and the class of its status, such as 2xx.
func Message(route, method string, status int) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(routeLabel, route), attribute.String(methodLabel, method),
		attribute.String(statusClassLabel, Class(status)))
}

// Route labels a duration. The status is not a label, because it would multiply the buckets.
func Route(route, method string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(routeLabel, route), attribute.String(methodLabel, method))
}

// Reason labels a loss or a refusal.
func Reason(reason string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(reasonLabel, reason))
}

// Budget labels a refusal with the budget that is used up.
func Budget(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(budgetLabel, name))
}

// Refused labels a refusal with the API that refused, and with the reason.
func Refused(api, reason string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(apiLabel, api), attribute.String(reasonLabel, reason))
}

// Quirk labels a count with the name of a quirk.
func Quirk(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(quirkLabel, name[:min(len(name), longestUsefulQuirkName)]))
}
