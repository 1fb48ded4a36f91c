SELECT version
FROM groups
WHERE organization_id = :organization_id AND id = :id
FOR NO KEY UPDATE;
