UPDATE groups
SET version = version + 1, update_time = :time
WHERE organization_id = :organization_id AND id = :id
RETURNING version;
