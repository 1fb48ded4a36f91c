-- Kinds of count: 1 is a quirk, 2 an ignored attribute.
SELECT d.id,
  coalesce(
    (
      SELECT total
      FROM totals t
      WHERE t.organization_id = :organization_id AND t.directory_id = d.id AND t.resource_group = 0
    ),
    0
  ),
  coalesce(
    (
      SELECT total
      FROM totals t
      WHERE t.organization_id = :organization_id AND t.directory_id = d.id AND t.resource_group = 1
    ),
    0
  ),
  (SELECT count(*) FROM message_counts o WHERE o.organization_id = :organization_id AND o.directory_id = d.id AND o.kind = 1),
  (SELECT count(*) FROM message_counts o WHERE o.organization_id = :organization_id AND o.directory_id = d.id AND o.kind = 2)
FROM directories d
WHERE d.organization_id = :organization_id AND d.id > :after AND d.closed = 0
ORDER BY d.id
LIMIT :limit;
