WITH found AS MATERIALIZED (
  SELECT ctid AS at
  FROM deleted_users
  WHERE organization_id = :organization_id
  ORDER BY organization_id, id
  LIMIT :limit
),
gone AS (
  DELETE FROM deleted_users
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
