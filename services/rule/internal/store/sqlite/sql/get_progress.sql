SELECT checkpoint, as_of, behind
FROM organizations
WHERE organization_id = :organization_id;
