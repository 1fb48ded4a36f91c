DELETE FROM groups
WHERE organization_id = :organization_id AND id = :id;
