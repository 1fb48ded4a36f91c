SELECT sequence, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time
FROM access_feed
WHERE organization_id = :organization_id AND user_id = :user_id AND sequence < :before
ORDER BY sequence DESC
LIMIT :limit;
