-- A message has few events. The other conditions select among them. Only the index of messages has this order: see read_by_index.
SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, conflicting_resource_id,
  conflicting_name
FROM events
WHERE organization_id = :organization_id
  AND (message_id, time, id) < (:message_id, :time, :id) AND (message_id, time) >= (:message_id, :start)
  AND (:directory_id = '' OR directory_id = :directory_id) AND (:reason = '' OR reason = :reason)
  AND (NOT :open_only OR acknowledge_time = 0)
ORDER BY message_id DESC, time DESC, id DESC
LIMIT :limit;
