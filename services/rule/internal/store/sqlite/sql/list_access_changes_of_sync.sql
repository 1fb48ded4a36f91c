-- The partial index has only records of syncs.
SELECT sequence, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time
FROM access_feed
WHERE organization_id = :organization_id AND sync_id = :sync_id AND sequence < :before
  AND sync_id <> ''
ORDER BY sequence DESC
LIMIT :limit;
