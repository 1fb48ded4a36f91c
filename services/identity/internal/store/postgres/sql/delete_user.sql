-- The names of the user in failed events are erased later.
WITH gone AS (
  DELETE FROM users
  WHERE organization_id = :organization_id AND id = :id
  RETURNING organization_id, id, user_name
)
INSERT INTO deleted_users (organization_id, id, user_name, time)
SELECT organization_id, id, left(user_name, 200), :time
FROM gone;
