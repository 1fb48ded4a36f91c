UPDATE organizations
SET owner_id = :owner_id, owner_token = :owner_token, owner_expire_time = :owner_expire_time
WHERE organization_id = :organization_id;
