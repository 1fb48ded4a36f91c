UPDATE sessions
SET revoke_time = :now
WHERE organization_id = :organization_id AND revoke_time = 0;
