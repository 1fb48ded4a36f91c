-- The last row is the one that reaches the limit of bytes.
WITH few AS MATERIALIZED (
  SELECT ctid AS at, row_number() OVER (ORDER BY organization_id, directory_id, lower(id)) AS place,
    octet_length(definition) AS size
  FROM schemas
  WHERE organization_id = :organization_id
  ORDER BY organization_id, directory_id, lower(id)
  LIMIT :limit
),
found AS MATERIALIZED (
  SELECT at
  FROM (SELECT at, sum(size) OVER (ORDER BY place) - size AS before FROM few) f
  WHERE before < :bytes
),
gone AS (
  DELETE FROM schemas
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
)
SELECT count(*)
FROM found;
