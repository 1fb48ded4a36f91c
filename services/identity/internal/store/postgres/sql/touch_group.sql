UPDATE groups
SET version = :version, update_time = :time
WHERE organization_id = :organization_id AND id = :id;
