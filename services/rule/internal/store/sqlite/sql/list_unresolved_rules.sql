SELECT id
FROM rules
WHERE organization_id = :organization_id AND unresolved = 1
ORDER BY id
LIMIT :limit;
