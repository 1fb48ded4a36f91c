WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM members
  WHERE organization_id = :organization_id
  ORDER BY organization_id, group_id, member_id
  LIMIT :limit
),
gone AS (
  DELETE FROM members
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
