UPDATE holders
SET suspended = :suspended
WHERE organization_id = :organization_id AND user_id = :user_id;
