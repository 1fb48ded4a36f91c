WITH RECURSIVE inside (id) AS (
  SELECT :group_id
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = inside.id AND m.member_group = 1
)
SELECT m.member_id
FROM inside
CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = inside.id AND m.member_group = 0
LIMIT :limit;
