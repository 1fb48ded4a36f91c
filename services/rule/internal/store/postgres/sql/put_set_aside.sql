INSERT INTO set_aside (organization_id, user_id, mode, message_id, sync_id, traceparent, detail, attempts, as_of,
    create_time, retry_time)
VALUES (:organization_id, :user_id, :mode, :message_id, :sync_id, :traceparent, :detail, :attempts, :as_of,
    :create_time, :retry_time)
ON CONFLICT (organization_id, user_id) DO UPDATE
SET mode = excluded.mode, message_id = excluded.message_id, sync_id = excluded.sync_id,
  traceparent = excluded.traceparent, detail = excluded.detail, attempts = excluded.attempts, as_of = excluded.as_of,
  create_time = excluded.create_time, retry_time = excluded.retry_time;
