INSERT INTO access_feed (organization_id, user_id, tenant_id, role_id, kind, message_id, sync_id, traceparent, time)
VALUES (:organization_id, :user_id, :tenant_id, :role_id, :kind, :message_id, :sync_id, :traceparent, :time);
