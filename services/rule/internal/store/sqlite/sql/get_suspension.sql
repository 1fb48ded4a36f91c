SELECT user_id, reason, suspended_by, create_time
FROM suspensions
WHERE organization_id = :organization_id AND user_id = :user_id;
