SELECT organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, trace_id, acknowledge_time, acknowledged_by
FROM events
WHERE organization_id = :organization_id AND id = :id;
