SELECT organization_id, directory_id, id, resource_group, definition, create_time, update_time
FROM schemas
WHERE organization_id = :organization_id AND directory_id = :directory_id
ORDER BY lower(id);
