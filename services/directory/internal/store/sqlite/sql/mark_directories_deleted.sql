UPDATE directories
SET delete_time = :now, update_time = :now
WHERE organization_id = :organization_id AND delete_time = 0;
