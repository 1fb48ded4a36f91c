SELECT user_id, reason, suspended_by, create_time
FROM suspensions
WHERE organization_id = :organization_id AND user_id > :after
ORDER BY user_id
LIMIT :limit;
