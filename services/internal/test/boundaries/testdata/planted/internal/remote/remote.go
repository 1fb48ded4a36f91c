// Package remote is planted. It calls another service for package core.
package remote

import (
	"context"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/test/boundaries/testdata/planted/internal/core"
)

type Other struct {
	client directoryv1.DirectoryServiceClient
}

var _ core.Other = (*Other)(nil)

func (o *Other) Read(ctx context.Context) (string, error) {
	r, err := o.client.GetDirectory(ctx, &directoryv1.GetDirectoryRequest{})
	return r.GetDirectory().GetId(), err
}
