package postgres

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getRequest = statements.Load("get_request", "organization_id", "principal", "request_type", "id")
	putRequest = statements.Load("put_request",
		"organization_id", "principal", "request_type", "id", "digest", "resource_id", "create_time")
	deleteExpiredRequests = statements.Load("delete_expired_requests", "organization_id", "expired", "limit")
)

// ofNone is stored in place of an organization for requests that belong to no organization. No organization has this id.
const ofNone = ""

func (t *organizationTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	all := ask(t.queue(), store.RequestFields, getRequest, t.organization, key.Principal, key.RequestType, key.ID)
	err := t.send(ctx)
	r, err := found(*all, err, "request", key.ID)
	r.Key = key
	return r, err
}

func (t *organizationTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	if err := t.write(ctx, deleteExpiredRequests, t.organization, dbtype.Micros(expired), requestid.MaxExpired); err != nil {
		return err
	}
	return t.write(ctx, putRequest, putArguments(t.organization, r)...)
}

func (t catalogueTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	r, err := pgdb.ReadOne(ctx, t.tx, store.RequestFields, fault.Missing("request", key.ID),
		getRequest, ofNone, key.Principal, key.RequestType, key.ID)
	r.Key = key
	return r, err
}

func (t catalogueTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	if _, err := t.tx.Exec(ctx, deleteExpiredRequests, ofNone, dbtype.Micros(expired), requestid.MaxExpired); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, putRequest, putArguments(ofNone, r)...)
	return err
}

func putArguments(organizationID string, r requestid.Record) []any {
	return []any{organizationID, r.Principal, r.RequestType, r.ID, r.Digest[:], r.ResourceID, dbtype.Micros(r.CreateTime)}
}
