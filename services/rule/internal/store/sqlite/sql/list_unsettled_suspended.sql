SELECT user_id
FROM holders
WHERE organization_id = :organization_id AND unknown_as_of > 0 AND rule_access > 0
ORDER BY rule_access, user_id
LIMIT :limit;
