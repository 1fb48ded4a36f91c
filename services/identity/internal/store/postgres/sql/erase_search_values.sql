WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM search_values
  WHERE organization_id = :organization_id
  ORDER BY organization_id, attribute, value, user_id
  LIMIT :limit
),
gone AS (
  DELETE FROM search_values
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
