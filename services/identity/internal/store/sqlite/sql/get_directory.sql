SELECT organization_id, id, strict, unique_group_names, adopt_by_name, replaces_id, closed
FROM directories
WHERE organization_id = :organization_id AND id = :id;
