SELECT id
FROM users
WHERE organization_id = :organization_id AND directory_id = :directory_id AND user_name_folded = :low
LIMIT :limit;
