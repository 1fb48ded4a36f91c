// Package core is planted. It calls other services inside transactions in each way that the search finds, and outside.
package core

import (
	"context"

	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// Tx is a transaction.
type Tx interface {
	Put(ctx context.Context, value string) error
}

// Store runs transactions.
type Store interface {
	Update(ctx context.Context, do func(ctx context.Context, tx Tx) error) error
}

// Other is another service.
type Other interface {
	Read(ctx context.Context) (string, error)
}

// Near is not another service: nothing remote implements it.
type Near interface {
	Look(ctx context.Context) error
}

// Core makes the calls.
type Core struct {
	store  Store
	other  Other
	near   Near
	client directoryv1.DirectoryServiceClient
	conn   grpc.ClientConnInterface
}

// Before calls before its transaction, which is allowed.
func (c *Core) Before(ctx context.Context) error {
	value, err := c.read(ctx)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(ctx context.Context, tx Tx) error { return c.put(ctx, tx, value) })
}

func (c *Core) put(ctx context.Context, tx Tx, value string) error {
	if err := c.near.Look(ctx); err != nil {
		return err
	}
	return tx.Put(ctx, value)
}

func (c *Core) read(ctx context.Context) (string, error) { return c.other.Read(ctx) }

// Literal calls in a function literal.
func (c *Core) Literal(ctx context.Context) error {
	return c.store.Update(ctx, func(ctx context.Context, tx Tx) error {
		value, err := c.other.Read(ctx)
		if err != nil {
			return err
		}
		return tx.Put(ctx, value)
	})
}

// Through calls through two functions.
func (c *Core) Through(ctx context.Context) error {
	return c.store.Update(ctx, func(ctx context.Context, tx Tx) error { return c.through(ctx) })
}

func (c *Core) through(ctx context.Context) error {
	return retried(func() error { _, err := c.read(ctx); return err })
}

func retried(do func() error) error { return do() }

// Declared runs a declared function as a transaction.
func (c *Core) Declared(ctx context.Context) error { return c.store.Update(ctx, c.inTransaction) }

func (c *Core) inTransaction(ctx context.Context, _ Tx) error {
	_, err := c.client.GetDirectory(ctx, &directoryv1.GetDirectoryRequest{})
	return err
}

type work struct {
	tx   Tx
	core *Core
}

// call is in a transaction, because its receiver contains one.
func (w work) call(ctx context.Context) error { return w.core.conn.Invoke(ctx, "", nil, nil) }

// Named passes on a function inside a transaction.
func (c *Core) Named(ctx context.Context) error {
	return c.store.Update(ctx, func(ctx context.Context, tx Tx) error { return with(ctx, c.read) })
}

func with(ctx context.Context, read func(context.Context) (string, error)) error {
	_, err := read(ctx)
	return err
}
