SELECT id
FROM rules
WHERE organization_id = :organization_id AND unresolved
ORDER BY id
LIMIT :limit;
