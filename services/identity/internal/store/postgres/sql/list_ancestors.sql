WITH RECURSIVE line (id, depth) AS (
  SELECT replaces_id, 1
  FROM directories
  WHERE organization_id = :organization_id AND id = :directory_id
  UNION ALL
  SELECT d.replaces_id, line.depth + 1
  FROM line
  JOIN directories d ON d.organization_id = :organization_id AND d.id = line.id
  WHERE line.depth < 100
)
SELECT line.id
FROM line
JOIN directories d ON d.organization_id = :organization_id AND d.id = line.id
WHERE d.closed
ORDER BY line.depth;
