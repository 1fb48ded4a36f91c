SELECT organization_id
FROM organizations
WHERE organization_id > :after
ORDER BY organization_id
LIMIT :limit;
