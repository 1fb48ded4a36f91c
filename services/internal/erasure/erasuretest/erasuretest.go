// Package erasuretest is a fake of the directory service for tests of services that erase organizations.
package erasuretest

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Directory lists the organizations that a test erases. The zero value is ready, and lists none.
type Directory struct {
	directoryv1.UnimplementedErasureServiceServer

	mu       sync.Mutex
	erasures []*directoryv1.Erasure
	lists    int
}

// Register registers the service on r.
func (d *Directory) Register(r grpc.ServiceRegistrar) { directoryv1.RegisterErasureServiceServer(r, d) }

// Erase begins the erasure of an organization.
func (d *Directory) Erase(organizationID string, asked time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erasures = append(d.erasures, &directoryv1.Erasure{OrganizationId: organizationID, EraseTime: timestamppb.New(asked)})
}

// Confirmed reports whether the service has confirmed that it stores nothing of an organization.
func (d *Directory) Confirmed(organizationID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.find(organizationID)
	return e != nil && e.GetConfirmed()
}

// End ends the erasure of an organization: its id is free.
func (d *Directory) End(organizationID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var others []*directoryv1.Erasure
	for _, e := range d.erasures {
		if e.GetOrganizationId() != organizationID {
			others = append(others, e)
		}
	}
	d.erasures = others
}

// Lists returns how often the service has listed the erasures. It has processed all lists except the last one.
func (d *Directory) Lists() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lists
}

func (d *Directory) find(organizationID string) *directoryv1.Erasure {
	for _, e := range d.erasures {
		if e.GetOrganizationId() == organizationID {
			return e
		}
	}
	return nil
}

func (d *Directory) ListErasures(context.Context, *directoryv1.ListErasuresRequest) (*directoryv1.ListErasuresResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lists++
	r := &directoryv1.ListErasuresResponse{Epoch: "e"}
	for _, e := range d.erasures {
		r.Erasures = append(r.Erasures, &directoryv1.Erasure{
			OrganizationId: e.GetOrganizationId(), EraseTime: e.GetEraseTime(), Confirmed: e.GetConfirmed(),
		})
	}
	return r, nil
}

func (d *Directory) ConfirmErasure(_ context.Context, r *directoryv1.ConfirmErasureRequest) (*directoryv1.ConfirmErasureResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.find(r.GetOrganizationId())
	if e == nil {
		return nil, fault.New(fault.NotFound, "organization %q is not being erased", r.GetOrganizationId())
	}
	e.Confirmed = true
	return &directoryv1.ConfirmErasureResponse{}, nil
}
