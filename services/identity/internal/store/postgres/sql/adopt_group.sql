WITH moved AS (
  UPDATE groups
  SET directory_id = :directory_id
  WHERE organization_id = :organization_id AND id = :id AND directory_id = :from AND version = :version
  RETURNING id
),
carried AS (
  UPDATE members
  SET carried = true
  FROM moved
  WHERE organization_id = :organization_id AND group_id = moved.id
)
SELECT id
FROM moved;
