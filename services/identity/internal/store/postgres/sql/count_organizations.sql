-- The folded totals plus the records after them. Kinds of change: 1 is Created, at revision 1 unless it is an adoption, and 3 is
-- Deleted.
SELECT n.id, n.resource_group,
  coalesce(
    (SELECT total FROM totals WHERE organization_id = n.id AND directory_id = '' AND resource_group = n.resource_group),
    0
  )
  + coalesce(
    (
      SELECT sum(CASE WHEN kind = 1 AND revision = 1 THEN 1 WHEN kind = 3 THEN -1 ELSE 0 END)
      FROM changes
      WHERE organization_id = n.id AND resource_group = n.resource_group
        AND transaction >= (SELECT everywhere FROM folded)
    ),
    0
  )::bigint
FROM (
  SELECT DISTINCT o.id, g.resource_group
  FROM unnest(:organization_ids::text[]) o (id), (VALUES (false), (true)) g (resource_group)
) n;
