SELECT id
FROM users INDEXED BY users_inactive
WHERE organization_id = :organization_id AND directory_id = :directory_id AND active = 0
LIMIT :limit;
