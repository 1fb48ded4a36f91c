package e2e

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

// deployment is an Usher of real processes.
type deployment struct {
	*usher
	processes map[string]*process // by name: the service's, with a number where it has several replicas
}

// plan says what a deployment is made of.
type plan struct {
	split    bool
	binary   string              // see process
	database string              // URL of a PostgreSQL; empty is SQLite, a file a service
	redis    string              // URL; empty is none
	replicas map[string]int      // more than one, by service
	env      []string            // for every process
	each     map[string][]string // for the processes of a name
}

// twoGateways is a plan of a process a service on PostgreSQL, with two gateways and leases of this length.
func twoGateways(t *testing.T, lease time.Duration) plan {
	t.Helper()
	return plan{
		// The start migrates it.
		split: true, database: kit.Postgres(t, "usher", func(context.Context, string) error { return nil }),
		replicas: map[string]int{"gateway": 2}, env: []string{leaseVariable + "=" + lease.String()},
	}
}

// backend are the services behind the gateway, each after those that it calls.
var backend = []string{"directory", "failedevents", "identity", "rule"}

// deploy starts one, gateway last, and connects to its first gateway.
func deploy(t *testing.T, p plan) *deployment {
	t.Helper()
	d := &deployment{usher: &usher{t: t, token: operatorToken}, processes: map[string]*process{}}
	common := append([]string{"USHER_OPERATOR_TOKEN=" + operatorToken}, p.env...)
	if p.database != "" {
		common = append(common, "USHER_DATABASE_URL="+p.database)
	}
	if p.redis != "" {
		common = append(common, "USHER_REDIS_URL="+p.redis)
	}
	doors := func() []string {
		return []string{"USHER_SCIM_ADDR=" + freeAddr(t), "USHER_ADMIN_ADDR=" + freeAddr(t), "USHER_GRPC_ADDR=" + freeAddr(t)}
	}
	var order []string
	add := func(name string, env ...string) {
		order = append(order, name)
		all := append(append(append([]string{}, common...), env...), p.each[name]...)
		d.processes[name] = newProcess(t, name, append(all, "USHER_DATA_DIR="+filepath.Join(t.TempDir(), name), "USHER_OPS_ADDR="+freeAddr(t))...)
		d.processes[name].binary = p.binary
	}
	if !p.split {
		add("all", doors()...)
	} else {
		common = append(common, "USHER_CERTIFICATES_DIR="+certificatesFor(t))
		listen := map[string][]string{}
		for _, service := range backend {
			for range max(1, p.replicas[service]) {
				listen[service] = append(listen[service], freeAddr(t))
			}
			common = append(common, fmt.Sprintf("USHER_%s__ADDR=%s", strings.ToUpper(service), strings.Join(listen[service], ",")))
		}
		var gateways [][]string
		for range max(1, p.replicas["gateway"]) {
			gateways = append(gateways, doors())
		}
		common = append(common, "USHER_PUBLIC_URL=http://"+strings.TrimPrefix(gateways[0][0], "USHER_SCIM_ADDR="),
			"USHER_ADMIN_URL=http://"+strings.TrimPrefix(gateways[0][1], "USHER_ADMIN_ADDR="))
		for _, service := range backend {
			for i, addr := range listen[service] {
				add(replica(service, i), "USHER_TARGET="+service, fmt.Sprintf("USHER_%s__LISTEN_ADDR=%s", strings.ToUpper(service), addr))
			}
		}
		for i, doors := range gateways {
			add(replica("gateway", i), append(doors, "USHER_TARGET=gateway")...)
		}
	}
	for _, name := range order {
		if err := d.processes[name].start(); err != nil {
			t.Fatal(err)
		}
	}
	d.addrs = d.processes[order[len(order)-max(1, p.replicas["gateway"])]].addrs
	d.connect()
	d.seed()
	return d
}

// gateway gives clients of its i-th gateway, counted from 0.
func (d *deployment) gateway(i int) *usher {
	d.t.Helper()
	u := &usher{t: d.t, token: d.token, addrs: d.processes[replica("gateway", i)].addrs}
	u.connect()
	return u
}

// at is the same directory, reached through another gateway.
func (d *directory) at(u *usher) *directory {
	d.u.t.Helper()
	base, err := url.Parse(d.baseURL)
	if err != nil {
		d.u.t.Fatal(err)
	}
	base.Host = u.addrs.SCIM
	other := *d
	other.u, other.baseURL = u, base.String()
	return &other
}

// replica is the name of a service's process.
func replica(service string, i int) string {
	if i == 0 {
		return service
	}
	return fmt.Sprintf("%s-%d", service, i+1)
}
