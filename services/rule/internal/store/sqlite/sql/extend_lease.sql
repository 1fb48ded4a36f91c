UPDATE organizations
SET owner_expire_time = :owner_expire_time
WHERE organization_id = :organization_id;
