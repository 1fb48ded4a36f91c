SELECT user_id
FROM holders
WHERE organization_id = :organization_id AND user_id > :after AND user_id <= :up_to
ORDER BY user_id
LIMIT :limit;
