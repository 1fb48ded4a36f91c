-- The folded totals plus the records after them. Kinds of change: 1 is Created, 3 is Deleted.
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
