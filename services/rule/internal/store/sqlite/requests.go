package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
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

func requestRecord(ctx context.Context, tx *sqlitedb.Tx, organizationID string, key requestid.Key) (requestid.Record, error) {
	r, err := sqlitedb.ReadOne(ctx, tx, store.RequestFields, fault.Missing("request", key.ID),
		getRequest, organizationID, key.Principal, key.RequestType, key.ID)
	r.Key = key
	return r, err
}

func putRequestRecord(ctx context.Context, tx *sqlitedb.Tx, organizationID string, r requestid.Record, expired time.Time) error {
	if _, err := tx.Exec(ctx, deleteExpiredRequests, organizationID, dbtype.Micros(expired), requestid.MaxExpired); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, putRequest, organizationID, r.Principal, r.RequestType, r.ID, r.Digest[:], r.ResourceID, dbtype.Micros(r.CreateTime))
	return err
}

func (t *organizationTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return requestRecord(ctx, t.tx, t.organization, key)
}

func (t *organizationTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return putRequestRecord(ctx, t.tx, t.organization, r, expired)
}

func (t catalogueTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return requestRecord(ctx, t.tx, ofNone, key)
}

func (t catalogueTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return putRequestRecord(ctx, t.tx, ofNone, r, expired)
}
