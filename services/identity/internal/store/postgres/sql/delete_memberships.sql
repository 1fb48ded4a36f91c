WITH gone AS (
  DELETE FROM members
  WHERE organization_id = :organization_id AND member_id = :member_id
  RETURNING group_id
)
UPDATE groups
SET version = version + 1, update_time = :time
WHERE organization_id = :organization_id AND id IN (SELECT group_id FROM gone);
