-- See get_feed_state.
SELECT sequence, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time, transaction
FROM access_feed
WHERE organization_id = :organization_id AND (transaction, sequence) > (:transaction, :sequence)
  AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY transaction, sequence
LIMIT :limit;
