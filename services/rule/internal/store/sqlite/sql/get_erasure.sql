SELECT erasing, erased
FROM organizations
WHERE organization_id = :organization_id;
