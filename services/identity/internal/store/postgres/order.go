package postgres

import "github.com/usher-scim/usher/services/identity/internal/store"

// orderBy orders the rows of a table, which has a prefix, by their id or by the column that is their name.
func orderBy(o store.Order, table, name string) string {
	direction := ``
	if o.Descending {
		direction = ` DESC`
	}
	if o.ByName {
		return ` ORDER BY ` + table + name + direction + `, ` + table + `id` + direction
	}
	return ` ORDER BY ` + table + `id` + direction
}

// within gives those of a query's rows, in an order, before which documents have fewer than so many bytes: the first one always.
// PostgreSQL sends all rows of an answer, so that it has to end there. A document that is kept apart is not read for its length.
func within(columns, table, rows, order, bytes string) string {
	return `SELECT ` + columns + ` FROM (SELECT ` + table + `.*, octet_length(` + table + `.document) AS own,
			sum(octet_length(` + table + `.document)) OVER (` + order + ` ROWS UNBOUNDED PRECEDING) AS upto
		FROM (` + rows + `) ` + table + `) ` + table + ` WHERE upto - own < ` + bytes + order
}
