SELECT owner_id = :owner_id AND owner_token = :owner_token
FROM organizations
WHERE organization_id = :organization_id;
