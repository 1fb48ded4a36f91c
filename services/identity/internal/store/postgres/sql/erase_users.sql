-- The last row is the one that reaches the limit of bytes.
WITH few AS MATERIALIZED (
  SELECT ctid AS at, row_number() OVER (ORDER BY organization_id, id) AS place, octet_length(document) AS size
  FROM users
  WHERE organization_id = :organization_id
  ORDER BY organization_id, id
  LIMIT :limit
),
found AS MATERIALIZED (
  SELECT at
  FROM (SELECT at, sum(size) OVER (ORDER BY place) - size AS before FROM few) f
  WHERE before < :bytes
),
gone AS (
  DELETE FROM users
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
