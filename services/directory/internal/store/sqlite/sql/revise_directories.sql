UPDATE directories
SET revision = (SELECT newest FROM revision) + numbered.n
FROM (
  SELECT id, row_number() OVER (ORDER BY id) AS n
  FROM directories
  WHERE organization_id = :organization_id
) AS numbered
WHERE organization_id = :organization_id AND directories.id = numbered.id;
