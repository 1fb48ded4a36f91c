INSERT INTO schemas (organization_id, directory_id, id, resource_group, definition, create_time, update_time)
SELECT organization_id, :directory_id, id, resource_group, definition, create_time, update_time
FROM schemas
WHERE organization_id = :organization_id AND directory_id = :replaces_id
  AND NOT EXISTS (SELECT 1 FROM directories WHERE organization_id = :organization_id AND id = :directory_id);
