INSERT INTO access_feed (organization_id, transaction, user_id, tenant_id, role_id, kind, message_id, sync_id,
    traceparent, time)
SELECT :organization_id, pg_current_xact_id()::text::bigint, user_id, tenant_id, role_id, kind, message_id, sync_id,
  traceparent, time
FROM unnest(:user_ids::text[], :tenant_ids::text[], :role_ids::text[], :kinds::integer[], :message_ids::text[],
    :sync_ids::text[], :traceparents::text[], :times::bigint[]) WITH ORDINALITY AS c (user_id, tenant_id, role_id,
    kind, message_id, sync_id, traceparent, time, n)
ORDER BY n;
