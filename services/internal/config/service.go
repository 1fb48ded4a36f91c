package config

import (
	"errors"
	"github.com/usher-scim/usher/services/internal/secret"
	"strings"
)

// Service contains the settings that every service behind the gateway has.
type Service struct {
	ListenAddr          string      `koanf:"listen_addr" doc:"Address at which the service listens for other services, if this process does not run all of them."`
	Addr                string      `koanf:"addr" doc:"Address at which other services reach this one: host:port, where the name can resolve to several replicas, or several addresses with commas between them."`
	DatabaseURL         secret.Text `koanf:"database_url" doc:"PostgreSQL server and database of this service alone. Default: database_url."`
	DatabaseConnections int32       `koanf:"database_connections" doc:"Largest number of connections to PostgreSQL of one replica of the service."`
}

// ServiceDefaults returns the default settings of a service at its own address.
func ServiceDefaults(addr string) Service {
	return Service{ListenAddr: addr, Addr: addr, DatabaseConnections: 20}
}

// Check returns the problems of the settings of the service with this name. It does not check DatabaseURL: the caller that knows how the
// database is used does this.
func (s Service) Check(name string) Problems {
	var p Problems
	p.HostPort(name+".listen_addr", s.ListenAddr)
	for _, addr := range strings.Split(s.Addr, ",") {
		p.HostPort(name+".addr", strings.TrimSpace(addr))
	}
	Above0(&p, name+".database_connections", s.DatabaseConnections)
	return p
}

// OneDatabase refuses a SQLite file together with a PostgreSQL server, and neither of them.
func (s Service) OneDatabase(file string) error {
	if (file == "") == (s.DatabaseURL == "") {
		return errors.New("a SQLite file or database_url must be set, and not both")
	}
	return nil
}
