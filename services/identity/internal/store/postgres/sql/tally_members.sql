-- A recursion goes on only as far as its rows are read, so LIMIT bounds it.
WITH RECURSIVE inside (id) AS (
  SELECT unnest(:ids::text[]) COLLATE "C"
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN LATERAL (
    SELECT member_id
    FROM members
    WHERE organization_id = :organization_id AND group_id = inside.id AND member_group
    OFFSET 0
  ) m
  WHERE :deep::boolean
),
counted AS MATERIALIZED (
  SELECT id
  FROM inside
  LIMIT :groups
),
membership AS MATERIALIZED (
  SELECT m.member_id, m.member_group
  FROM counted
  CROSS JOIN LATERAL (
    SELECT member_id, member_group
    FROM members
    WHERE organization_id = :organization_id AND group_id = counted.id
    OFFSET 0
  ) m
  LIMIT :memberships
),
found AS MATERIALIZED (
  SELECT DISTINCT member_id
  FROM membership
  WHERE NOT member_group
)
SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM counted), (SELECT count(*) FROM membership), coalesce(e.member_id, '')
FROM (SELECT 1) one
LEFT JOIN (
  SELECT member_id
  FROM found
  ORDER BY member_id
  LIMIT 10
) e ON true
ORDER BY e.member_id;
