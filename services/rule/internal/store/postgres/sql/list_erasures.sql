SELECT organization_id, erasing
FROM organizations
WHERE erasing > 0
ORDER BY organization_id;
