INSERT
  OR REPLACE INTO set_aside (organization_id, user_id, mode, message_id, sync_id, traceparent, detail, attempts,
    as_of, create_time, retry_time)
VALUES (:organization_id, :user_id, :mode, :message_id, :sync_id, :traceparent, :detail, :attempts, :as_of,
    :create_time, :retry_time);
