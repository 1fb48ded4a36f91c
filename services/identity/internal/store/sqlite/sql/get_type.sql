-- 1 for a group, 0 for a user.
SELECT 0
FROM users
WHERE organization_id = :organization_id AND id = :id AND directory_id = :directory_id
UNION ALL
SELECT 1
FROM groups
WHERE organization_id = :organization_id AND id = :id AND directory_id = :directory_id;
