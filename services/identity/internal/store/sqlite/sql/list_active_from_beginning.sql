-- A walk over the organizations costs less than reading every record.
WITH RECURSIVE o (id) AS (
  SELECT min(organization_id)
  FROM changes
  UNION ALL
  SELECT (SELECT min(organization_id) FROM changes WHERE organization_id > o.id)
  FROM o
  WHERE o.id IS NOT NULL
)
SELECT id
FROM o
WHERE id IS NOT NULL AND :after < :end
UNION
SELECT organization_id
FROM trimmed
ORDER BY 1;
