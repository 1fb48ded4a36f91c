DELETE FROM rules
WHERE organization_id = :organization_id AND id = :id;
