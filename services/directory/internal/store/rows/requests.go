package rows

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// requestFields are where a row goes: digest, resource_id, create_time.
func requestFields(r *requestid.Record) []any {
	return []any{dbtype.Digest(&r.Digest), &r.ResourceID, dbtype.Time(&r.CreateTime)}
}

func (e engine) requestRecord(ctx context.Context, organizationID string, key requestid.Key) (requestid.Record, error) {
	r, err := ReadOne(ctx, e.Conn, requestFields, fault.Missing("request", key.ID),
		e.sql.getRequest, organizationID, key.Principal, key.RequestType, key.ID)
	r.Key = key
	return r, err
}

func (e engine) putRequestRecord(ctx context.Context, organizationID string, r requestid.Record, expired time.Time) error {
	if _, err := e.Conn.Exec(ctx, e.sql.deleteExpiredRequests, organizationID, dbtype.Time(&expired), requestid.MaxExpired); err != nil {
		return err
	}
	_, err := e.Conn.Exec(ctx, e.sql.putRequest,
		organizationID, r.Principal, r.RequestType, r.ID, r.Digest[:], r.ResourceID, dbtype.Time(&r.CreateTime))
	return err
}

// RequestRecord reads what is kept of a request of the organization.
func (t Tx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return t.requestRecord(ctx, t.OrganizationID, key)
}

// PutRequestRecord keeps one of the organization.
func (t Tx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return t.putRequestRecord(ctx, t.OrganizationID, r, expired)
}

// RemoveRequestRecords removes at most limit of the organization.
func (t Tx) RemoveRequestRecords(ctx context.Context, limit int) (int, error) {
	removed, err := t.Conn.Exec(ctx, t.sql.deleteRequests, t.OrganizationID, limit)
	return int(removed), err
}

// ofNone is where requests are kept that belong to no organization. No organization has this id.
const ofNone = ""

// RequestRecord reads what is kept of a request that belongs to no organization.
func (t AllTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return t.requestRecord(ctx, ofNone, key)
}

// PutRequestRecord keeps one that belongs to no organization.
func (t AllTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return t.putRequestRecord(ctx, ofNone, r, expired)
}
