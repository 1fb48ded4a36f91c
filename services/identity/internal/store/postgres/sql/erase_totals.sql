WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM totals
  WHERE organization_id = :organization_id
  ORDER BY organization_id, directory_id, resource_group
  LIMIT :limit
),
gone AS (
  DELETE FROM totals
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
