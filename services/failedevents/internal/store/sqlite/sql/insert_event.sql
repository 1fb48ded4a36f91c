INSERT INTO events (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, trace_id, acknowledge_time, acknowledged_by)
VALUES (:organization_id, :id, :directory_id, :message_id, :source, :time, :operation, :resource_id, :status, :reason,
  :scim_type, :detail, :remedy, :trace_id, 0, '')
ON CONFLICT DO NOTHING;
