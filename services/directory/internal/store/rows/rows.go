// Package rows is what the engines of the directory store have in common: which statements there are and with which arguments, and the
// methods that run one statement, which are the same whatever its text is. An engine embeds Store and Tx, and has its own methods for the
// rest.
package rows

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
)

// Conn runs an engine's statements, in a transaction or outside one. Its errors are those of store.Store.
type Conn interface {
	// Exec runs a statement, and says how many rows it changed. Outside a transaction it is committed at once.
	Exec(ctx context.Context, statement string, args ...any) (changed int64, err error)
	// ReadOne reads the one row that there must be to where into points. missing is the error of there being none, also because no row
	// could hold what is looked for; nil where that can't be.
	ReadOne(ctx context.Context, into []any, missing error, statement string, args ...any) error
	// ReadAll reads all rows, one after the other, to where into points, and calls keep after each.
	ReadAll(ctx context.Context, into []any, keep func(), statement string, args ...any) error
	// IDs makes a list of ids one argument. It may leave out those that no row could hold.
	IDs(ids []string) any
}

// engine is an engine's statements, and what runs them.
type engine struct {
	Conn Conn
	sql  *Statements
}

// Store is the methods of a store.Store that engines have in common.
type Store struct{ engine }

// Tx is those of a store.Tx.
type Tx struct {
	engine
	OrganizationID string
}

// AllTx is a store.AllTx.
type AllTx struct{ engine }

var _ store.AllTx = AllTx{}

// Store runs the statements outside a transaction.
func (s *Statements) Store(c Conn) Store { return Store{engine{c, s}} }

// Tx runs them in a transaction on one organization.
func (s *Statements) Tx(c Conn, organizationID string) Tx { return Tx{engine{c, s}, organizationID} }

// AllTx runs them in a transaction on what belongs to no organization.
func (s *Statements) AllTx(c Conn) AllTx { return AllTx{engine{c, s}} }

// ReadOne reads the one row that there must be into the fields of a new T.
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
