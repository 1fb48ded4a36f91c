WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM dialect_counts
  WHERE organization_id = :organization_id
  ORDER BY organization_id, directory_id, ignored, name
  LIMIT :limit
),
gone AS (
  DELETE FROM dialect_counts
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
