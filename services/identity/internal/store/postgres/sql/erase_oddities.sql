WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM oddities
  WHERE organization_id = :organization_id
  ORDER BY organization_id, directory_id, ignored, name
  LIMIT :limit
),
gone AS (
  DELETE FROM oddities
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
