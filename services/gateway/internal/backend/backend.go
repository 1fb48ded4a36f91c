// Package backend contains the connections on which the gateway calls the other services.
package backend

import "google.golang.org/grpc"

// Connections has a connection to each service, on which the caller is the gateway.
type Connections struct {
	Directory    grpc.ClientConnInterface
	Identity     grpc.ClientConnInterface
	Rule         grpc.ClientConnInterface
	FailedEvents grpc.ClientConnInterface
}

// Wrap returns the connections, each wrapped by a function.
func (c Connections) Wrap(wrap func(grpc.ClientConnInterface) grpc.ClientConnInterface) Connections {
	return Connections{
		Directory: wrap(c.Directory), Identity: wrap(c.Identity), Rule: wrap(c.Rule), FailedEvents: wrap(c.FailedEvents),
	}
}

// ByPackage returns the connections by the packages of the contract.
func (c Connections) ByPackage() map[string]grpc.ClientConnInterface {
	return map[string]grpc.ClientConnInterface{
		"usher.directory.v1": c.Directory, "usher.identity.v1": c.Identity, "usher.rule.v1": c.Rule, "usher.failedevents.v1": c.FailedEvents,
	}
}
