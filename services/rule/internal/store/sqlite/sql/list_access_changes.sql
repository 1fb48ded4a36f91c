SELECT sequence, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time
FROM access_feed
WHERE organization_id = :organization_id AND sequence > :sequence
ORDER BY sequence
LIMIT :limit;
