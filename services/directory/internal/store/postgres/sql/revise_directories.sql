WITH numbered AS (
  SELECT id, row_number() OVER (ORDER BY id) AS n
  FROM directories
  WHERE organization_id = :organization_id
), last AS (
  UPDATE revision
  SET newest = newest + (SELECT count(*) FROM numbered)
  RETURNING newest
), revised AS (
  UPDATE directories d
  SET revision = newest - (SELECT count(*) FROM numbered) + n
  FROM numbered, last
  WHERE d.organization_id = :organization_id AND d.id = numbered.id
  RETURNING d.revision
)
SELECT coalesce(max(revision), 0)
FROM revised;
