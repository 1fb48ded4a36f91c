SELECT DISTINCT directory_id
FROM schemas
WHERE organization_id = :organization_id
ORDER BY directory_id;
