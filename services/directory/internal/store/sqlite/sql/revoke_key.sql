UPDATE keys
SET revoke_time = :revoke_time
WHERE organization_id = :organization_id AND directory_id = :directory_id AND id = :id;
