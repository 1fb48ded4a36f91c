-- The folded totals plus the records after them, which are read once for all directories. Kinds of change: 1 is Created, 3 is
-- Deleted. Kinds of count: 1 is a quirk, 2 an ignored attribute.
WITH page AS MATERIALIZED (
  SELECT id
  FROM directories
  WHERE organization_id = :organization_id AND id > :after AND NOT closed
  ORDER BY id
  LIMIT :limit
),
later AS MATERIALIZED (
  SELECT directory_id,
    coalesce(sum(CASE kind WHEN 1 THEN 1 WHEN 3 THEN -1 END) FILTER (WHERE NOT resource_group), 0) AS users,
    coalesce(sum(CASE kind WHEN 1 THEN 1 WHEN 3 THEN -1 END) FILTER (WHERE resource_group), 0) AS groups
  FROM changes
  WHERE organization_id = :organization_id AND transaction >= (SELECT transaction FROM folded)
  GROUP BY directory_id
)
SELECT page.id,
  (
    coalesce(
      (
        SELECT total
        FROM totals
        WHERE organization_id = :organization_id AND directory_id = page.id AND NOT resource_group
      ),
      0
    )
    + coalesce(later.users, 0)
  )::bigint,
  (
    coalesce(
      (
        SELECT total
        FROM totals
        WHERE organization_id = :organization_id AND directory_id = page.id AND resource_group
      ),
      0
    )
    + coalesce(later.groups, 0)
  )::bigint,
  (
    SELECT count(*)
    FROM message_counts
    WHERE organization_id = :organization_id AND directory_id = page.id AND kind = 1
  )::integer,
  (
    SELECT count(*)
    FROM message_counts
    WHERE organization_id = :organization_id AND directory_id = page.id AND kind = 2
  )::integer
FROM page
LEFT JOIN later ON later.directory_id = page.id
ORDER BY page.id;
