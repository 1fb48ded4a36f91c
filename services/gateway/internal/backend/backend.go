// Package backend has the connections on which the gateway calls the services behind it.
package backend

import "google.golang.org/grpc"

// Connections leads to each service, as the gateway.
type Connections struct {
	Directory    grpc.ClientConnInterface
	Identity     grpc.ClientConnInterface
	Rule         grpc.ClientConnInterface
	FailedEvents grpc.ClientConnInterface
}

// Wrap gives the connections with something around each.
func (c Connections) Wrap(wrap func(grpc.ClientConnInterface) grpc.ClientConnInterface) Connections {
	return Connections{
		Directory: wrap(c.Directory), Identity: wrap(c.Identity), Rule: wrap(c.Rule), FailedEvents: wrap(c.FailedEvents),
	}
}

// ByPackage gives the connections by the packages of the contract.
func (c Connections) ByPackage() map[string]grpc.ClientConnInterface {
	return map[string]grpc.ClientConnInterface{
		"usher.directory.v1": c.Directory, "usher.identity.v1": c.Identity, "usher.rule.v1": c.Rule, "usher.failedevents.v1": c.FailedEvents,
	}
}
