SELECT organization_id, id, user_name, time
FROM deleted_users
ORDER BY organization_id, id
LIMIT :limit;
