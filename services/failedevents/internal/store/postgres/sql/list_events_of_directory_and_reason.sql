-- Only the index of this list has this order: see read_by_index.
SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, conflicting_resource_id,
  conflicting_name
FROM events
WHERE organization_id = :organization_id AND directory_id = :directory_id AND reason = :reason
  AND (time, id) < (:time, :id) AND time >= :start
ORDER BY time DESC NULLS LAST, id DESC NULLS LAST
LIMIT :limit;
