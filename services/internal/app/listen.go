package app

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// listeners are the four doors.
type listeners struct{ scim, admin, grpc, ops net.Listener }

func listen(ctx context.Context, s Settings) (l listeners, err error) {
	for _, door := range []struct {
		key, addr string
		listener  *net.Listener
	}{
		{"scim_addr", s.SCIMAddr, &l.scim},
		{"admin_addr", s.AdminAddr, &l.admin},
		{"grpc_addr", s.GRPCAddr, &l.grpc},
		{"ops_addr", s.OpsAddr, &l.ops},
	} {
		if *door.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", door.addr); err != nil {
			return l, errors.Join(fmt.Errorf("%s: %w", door.key, err), l.close())
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
