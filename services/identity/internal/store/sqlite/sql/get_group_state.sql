SELECT version, update_time
FROM groups
WHERE organization_id = :organization_id AND id = :id AND directory_id = :directory_id;
