SELECT erasing > 0
FROM organizations
WHERE organization_id = :organization_id;
