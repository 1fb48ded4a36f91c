SELECT a.user_id, a.mode, a.message_id, a.sync_id, a.traceparent, a.detail, a.attempts, a.as_of, a.create_time,
  a.retry_time
FROM json_each(:user_ids) j
CROSS JOIN set_aside a ON a.organization_id = :organization_id AND a.user_id = j.value;
