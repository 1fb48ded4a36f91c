UPDATE events
SET acknowledge_time = :now, acknowledged_by = :by
WHERE organization_id = :organization_id AND id = :id AND acknowledge_time = 0
RETURNING organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, conflicting_resource_id,
  conflicting_name;
