SELECT when_unknown
FROM organizations
WHERE organization_id = :organization_id;
