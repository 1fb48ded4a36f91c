SELECT organization_id, erasing
FROM organizations
WHERE erasing > 0;
