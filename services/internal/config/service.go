package config

import (
	"errors"
	"github.com/usher-scim/usher/services/internal/secret"
	"strings"
)

// Service has the settings of every service behind the gateway.
type Service struct {
	ListenAddr          string      `koanf:"listen_addr" doc:"Address at which the service listens for other services, if this process does not run all of them."`
	Addr                string      `koanf:"addr" doc:"Address at which other services reach this one: host:port, where the name can resolve to several replicas, or several addresses with commas between them."`
	DatabaseURL         secret.Text `koanf:"database_url" doc:"PostgreSQL server and database of this service alone. Default: database_url."`
	DatabaseConnections int32       `koanf:"database_connections" doc:"Largest number of connections to PostgreSQL of one replica of the service."`
}

// ServiceDefaults gives the settings of a service at an address of its own.
func ServiceDefaults(addr string) Service {
	return Service{ListenAddr: addr, Addr: addr, DatabaseConnections: 20}
}

// Check says what is wrong with the settings of the service of that name. Who knows where the database is used checks DatabaseURL.
func (s Service) Check(name string) Problems {
	var p Problems
	p.HostPort(name+".listen_addr", s.ListenAddr)
	for _, addr := range strings.Split(s.Addr, ",") {
		p.HostPort(name+".addr", strings.TrimSpace(addr))
	}
	Above0(&p, name+".database_connections", s.DatabaseConnections)
	return p
}

// OneDatabase refuses a SQLite file beside a PostgreSQL server, and neither.
func (s Service) OneDatabase(file string) error {
	if (file == "") == (s.DatabaseURL == "") {
		return errors.New("a SQLite file or database_url must be set, and not both")
	}
	return nil
}
