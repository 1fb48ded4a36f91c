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
WHERE id IS NOT NULL
  AND (
    SELECT transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    FROM changes
    WHERE organization_id = o.id AND (transaction, sequence) > (:transaction, :sequence)
    ORDER BY transaction, sequence
    LIMIT 1
  )
UNION
SELECT organization_id
FROM trimmed
ORDER BY 1;
