UPDATE organizations
SET owner_expire_time = 0
WHERE organization_id = :organization_id AND owner_id = :owner_id AND owner_token = :owner_token;
