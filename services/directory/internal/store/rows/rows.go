// Package rows contains what the engines of the directory store share: the list of statements with their arguments, and the methods
// that run a single statement. An engine embeds Store and Tx, and has its own methods for the rest.
package rows

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
)

// Conn runs an engine's statements, in a transaction or outside of one. Its errors are those of store.Store.
type Conn interface {
	// Exec runs a statement, and returns how many rows it changed. Outside of a transaction it commits at once.
	Exec(ctx context.Context, statement string, args ...any) (changed int64, err error)
	// ReadOne reads the only row into the targets. missing is the error if there is no row, or if no row could contain an argument;
	// nil if that cannot happen.
	ReadOne(ctx context.Context, into []any, missing error, statement string, args ...any) error
	// ReadAll reads all rows into the targets, one after the other, and calls keep after each.
	ReadAll(ctx context.Context, into []any, keep func(), statement string, args ...any) error
	// IDs makes one argument of a list of ids. It may leave out ids that no row can contain.
	IDs(ids []string) any
}

// engine is an engine's statements with a connection.
type engine struct {
	Conn Conn
	sql  *Statements
}

// Store contains the methods of a store.Store that engines share.
type Store struct{ engine }

// Tx contains the methods of a store.Tx that engines share.
type Tx struct {
	engine
	OrganizationID string
}

// AllTx is a store.AllTx.
type AllTx struct{ engine }

var _ store.AllTx = AllTx{}

// Store runs the statements outside of a transaction.
func (s *Statements) Store(c Conn) Store { return Store{engine{c, s}} }

// Tx runs the statements in a transaction on one organization.
func (s *Statements) Tx(c Conn, organizationID string) Tx { return Tx{engine{c, s}, organizationID} }

// AllTx runs the statements in a transaction on what belongs to no organization.
func (s *Statements) AllTx(c Conn) AllTx { return AllTx{engine{c, s}} }

// ReadOne reads the only row into the fields of a new T.
func ReadOne[T any](ctx context.Context, c Conn, fields func(*T) []any, missing error, statement string, args ...any) (one T, err error) {
	err = c.ReadOne(ctx, fields(&one), missing, statement, args...)
	return one, err
}

// ReadAll reads all rows, each into the fields of a new T.
func ReadAll[T any](ctx context.Context, c Conn, fields func(*T) []any, statement string, args ...any) ([]T, error) {
	var all []T
	var one T
	err := c.ReadAll(ctx, fields(&one), func() { all, one = append(all, one), *new(T) }, statement, args...)
	return all, err
}
