WITH RECURSIVE inside (id) AS (
  SELECT value
  FROM json_each(:ids)
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = inside.id AND m.member_group = 1
  WHERE :deep
  LIMIT :groups
),
membership AS MATERIALIZED (
  SELECT m.member_id, m.member_group
  FROM inside
  CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = inside.id
  LIMIT :memberships
),
found AS MATERIALIZED (
  SELECT DISTINCT member_id
  FROM membership
  WHERE member_group = 0
)
SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM inside), (SELECT count(*) FROM membership), coalesce(e.member_id, '')
FROM (SELECT 1) one
LEFT JOIN (
  SELECT member_id
  FROM found
  ORDER BY member_id
  LIMIT 10
) e ON true
ORDER BY e.member_id;
