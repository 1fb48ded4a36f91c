SELECT 'userName'
FROM users
WHERE organization_id = :organization_id AND directory_id = :directory_id AND user_name_folded = :user_name_folded
  AND id <> :id
UNION ALL
SELECT 'externalId'
FROM users
WHERE organization_id = :organization_id AND directory_id = :directory_id AND external_id = :external_id
  AND :external_id <> '' AND external_id <> '' AND id <> :id;
