SELECT id
FROM users
WHERE organization_id = :organization_id AND directory_id = :directory_id
  AND id >= :low AND id <= :high
LIMIT :limit;
