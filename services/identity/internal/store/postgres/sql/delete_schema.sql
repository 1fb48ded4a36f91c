DELETE FROM schemas
WHERE organization_id = :organization_id AND directory_id = :directory_id AND lower(id) = lower(:id);
