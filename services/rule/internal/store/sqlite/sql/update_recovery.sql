UPDATE organizations
SET recovering = :recovering, recovery_token = :recovery_token, recovery_after = :recovery_after
WHERE organization_id = :organization_id;
