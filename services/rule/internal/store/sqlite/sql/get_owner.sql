SELECT owner_id, owner_token, owner_expire_time, erasing > 0
FROM organizations
WHERE organization_id = :organization_id;
