WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM message_counts
  WHERE organization_id = :organization_id
  ORDER BY organization_id, directory_id, kind, name
  LIMIT :limit
),
gone AS (
  DELETE FROM message_counts
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
