-- What was folded, and what comes after it. Of kinds of change, 1 is Created and 3 Deleted.
SELECT
  coalesce(
    (
      SELECT total
      FROM totals
      WHERE organization_id = :organization_id AND directory_id = :directory_id AND resource_group = :resource_group
    ),
    0
  )
  + coalesce(
    (
      SELECT sum(CASE kind WHEN 1 THEN 1 WHEN 3 THEN -1 ELSE 0 END)
      FROM changes
      WHERE organization_id = :organization_id AND directory_id = :directory_id AND resource_group = :resource_group
        AND transaction >= (SELECT transaction FROM folded)
    ),
    0
  )::bigint;
