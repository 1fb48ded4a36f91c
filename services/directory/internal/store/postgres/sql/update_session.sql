UPDATE sessions
SET directory_id = :directory_id, revoke_time = :revoke_time
WHERE organization_id = :organization_id AND id = :id;
