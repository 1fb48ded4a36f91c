SELECT version
FROM users
WHERE organization_id = :organization_id AND directory_id = :directory_id AND id = :id
FOR UPDATE;
