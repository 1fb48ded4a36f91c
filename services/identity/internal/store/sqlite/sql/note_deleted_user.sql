-- The names of the user in failed events are erased later.
INSERT INTO deleted_users (organization_id, id, user_name, time)
SELECT organization_id, id, substr(user_name, 1, 200), :time
FROM users
WHERE organization_id = :organization_id AND id = :id;
