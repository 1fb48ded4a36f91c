SELECT organization_id, id, strict, unique_group_names, replaces_id, closed
FROM directories
WHERE organization_id = :organization_id AND id = :id
FOR UPDATE;
