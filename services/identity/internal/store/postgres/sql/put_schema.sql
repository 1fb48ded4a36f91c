INSERT INTO schemas (organization_id, directory_id, id, resource_group, definition, create_time, update_time)
VALUES (:organization_id, :directory_id, :id, :resource_group, :definition, :create_time, :update_time)
ON CONFLICT (organization_id, directory_id, lower(id)) DO UPDATE
SET id = excluded.id, resource_group = excluded.resource_group, definition = excluded.definition,
  update_time = excluded.update_time;
