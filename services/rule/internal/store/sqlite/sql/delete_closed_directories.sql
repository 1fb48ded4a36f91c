DELETE FROM closed_directories
WHERE organization_id = :organization_id;
