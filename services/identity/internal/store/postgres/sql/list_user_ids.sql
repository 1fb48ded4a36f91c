SELECT id
FROM users
WHERE organization_id = :organization_id AND id > :after
ORDER BY id
LIMIT :limit;
