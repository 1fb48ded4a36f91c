SELECT a.user_id, a.mode, a.message_id, a.sync_id, a.traceparent, a.detail, a.attempts, a.as_of, a.create_time,
  a.retry_time
FROM set_aside a
WHERE organization_id = :organization_id AND user_id > :after
ORDER BY user_id
LIMIT :limit;
