-- +goose Up
-- An erasure holds this lock while it erases rows and their totals. The next statement must see all of that, or nothing.
SELECT
FROM folded
FOR UPDATE;
-- This counts all rows of two tables, and nobody waits for it but the background job that folds.
-- One snapshot: what it counts, less what its records from the horizon on have changed. Kinds of change: 1 is Created, at revision 1
-- unless it is an adoption, and 3 is Deleted.
WITH horizon AS (
  UPDATE folded
  SET everywhere = pg_snapshot_xmin(pg_current_snapshot())::text::bigint
)
INSERT INTO totals (organization_id, directory_id, resource_group, total)
SELECT organization_id, '', resource_group, sum(n)
FROM (
  SELECT organization_id, false AS resource_group, count(*) AS n
  FROM users
  GROUP BY organization_id
  UNION ALL
  SELECT organization_id, true, count(*)
  FROM groups
  GROUP BY organization_id
  UNION ALL
  SELECT organization_id, resource_group, -sum(CASE WHEN kind = 1 AND revision = 1 THEN 1 WHEN kind = 3 THEN -1 ELSE 0 END)
  FROM changes
  WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  GROUP BY organization_id, resource_group
) c
GROUP BY organization_id, resource_group
HAVING sum(n) <> 0;
