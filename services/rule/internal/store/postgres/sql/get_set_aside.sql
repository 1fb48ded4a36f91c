SELECT a.user_id, a.mode, a.message_id, a.sync_id, a.traceparent, a.detail, a.attempts, a.as_of, a.create_time,
  a.retry_time
FROM unnest(:user_ids::text[]) AS u (id)
CROSS JOIN LATERAL (
  SELECT *
  FROM set_aside
  WHERE organization_id = :organization_id AND user_id = u.id
  OFFSET 0
) a;
