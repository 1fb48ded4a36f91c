package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/internal/connlimit"
	"github.com/usher-scim/usher/services/internal/iprange"
)

// connectionsRefused counts connections that were closed at once, by listener and by the limit that they exceeded.
const connectionsRefused = "usher_connections_refused_total"

// refusalLogs is how often the process logs refused connections, for each listener and reason: anybody can cause them.
const refusalLogs = time.Minute

// filesOfAListener limits the connections of one listener to one eighth of the files that the process may open. So all four
// listeners leave half of the files to databases and other services.
const filesOfAListener = 8

// connectionLimit bounds the connections of each listener.
type connectionLimit struct {
	options connlimit.Options
	log     *slog.Logger
	refused metric.Int64Counter
}

func newConnectionLimit(s Settings, log *slog.Logger, meter metric.MeterProvider) (*connectionLimit, error) {
	proxies, err := prefixes(s.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	refused, err := meter.Meter("github.com/usher-scim/usher/services/app").Int64Counter(connectionsRefused,
		metric.WithDescription("Connections that were closed at once, because their listener or their address has the maximum number."))
	if err != nil {
		return nil, err
	}
	total := s.MaxConnections
	if most := mostConnections(); total > most {
		log.Warn("max_connections is too high for the number of files that the process may open: each listener accepts fewer",
			"max_connections", total, "connections", most)
		total = most
	}
	return &connectionLimit{
		connlimit.Options{Total: total, PerAddress: min(s.MaxConnectionsPerAddress, total), Exempt: proxies}, log, refused,
	}, nil
}

// of returns listener with a limit.
func (c *connectionLimit) of(label string, listener net.Listener) net.Listener {
	o := c.options
	logs := map[connlimit.Reason]*atomic.Int64{connlimit.Total: {}, connlimit.PerAddress: {}}
	o.Refused = func(reason connlimit.Reason) {
		c.refused.Add(context.Background(), 1, metric.WithAttributes(
			attribute.String("listener", label), attribute.String("reason", string(reason))))
		if now, last := time.Now().UnixNano(), logs[reason].Load(); now-last > int64(refusalLogs) && logs[reason].CompareAndSwap(last, now) {
			c.log.Warn("connections are refused: see max_connections, max_connections_per_address and trusted_proxies",
				"listener", label, "reason", string(reason), "max_connections", o.Total, "max_connections_per_address", o.PerAddress)
		}
	}
	return connlimit.Listen(listener, o)
}

// mostConnections returns how many connections of one listener the process has files for. Without files, nobody can connect, and
// databases cannot be opened.
func mostConnections() int {
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) != nil || files.Cur > 1<<30 {
		return 1 << 30
	}
	return max(int(files.Cur/filesOfAListener), 1)
}

// prefixes parses addresses, and networks such as 10.0.0.0/8.
func prefixes(texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		prefix, err := iprange.Parse(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		all = append(all, prefix)
	}
	return all, nil
}
