INSERT INTO events (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
  scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, subject_key,
  conflicting_resource_id, conflicting_name, conflicting_key)
VALUES (:organization_id, :id, :directory_id, :message_id, :source, :time, :operation, :resource_id, :status, :reason,
  :scim_type, :detail, :remedy, :admin_action, :trace_id, 0, '', :subject, :subject_key, :conflicting_resource_id,
  :conflicting_name, :conflicting_key)
ON CONFLICT DO NOTHING;
