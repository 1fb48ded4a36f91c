package rows

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// requestFields are digest, resource_id, create_time.
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

// RequestRecord reads the record of a request of the organization.
func (t Tx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return t.requestRecord(ctx, t.OrganizationID, key)
}

// PutRequestRecord writes the record of a request of the organization.
func (t Tx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return t.putRequestRecord(ctx, t.OrganizationID, r, expired)
}

// EraseRequestRecords erases at most limit records of the organization, and returns how many.
func (t Tx) EraseRequestRecords(ctx context.Context, limit int) (int, error) {
	removed, err := t.Conn.Exec(ctx, t.sql.deleteRequests, t.OrganizationID, limit)
	return int(removed), err
}

// ofNone is stored in place of an organization for requests that belong to no organization. No organization has this id.
const ofNone = ""

// RequestRecord reads the record of a request that belongs to no organization.
func (t AllTx) RequestRecord(ctx context.Context, key requestid.Key) (requestid.Record, error) {
	return t.requestRecord(ctx, ofNone, key)
}

// PutRequestRecord writes the record of a request that belongs to no organization.
func (t AllTx) PutRequestRecord(ctx context.Context, r requestid.Record, expired time.Time) error {
	return t.putRequestRecord(ctx, ofNone, r, expired)
}
