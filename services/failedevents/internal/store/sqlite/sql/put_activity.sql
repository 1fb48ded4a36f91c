INSERT INTO activity (organization_id, directory_id, last_message_time, last_accepted_time, last_failed_time)
VALUES (:organization_id, :directory_id, :last_message_time, :last_accepted_time, :last_failed_time)
ON CONFLICT DO UPDATE
SET last_message_time = max(last_message_time, excluded.last_message_time),
  last_accepted_time = max(last_accepted_time, excluded.last_accepted_time),
  last_failed_time = max(last_failed_time, excluded.last_failed_time);
