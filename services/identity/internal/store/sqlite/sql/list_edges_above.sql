WITH RECURSIVE inside (id) AS (
  SELECT value
  FROM json_each(:ids)
  UNION
  SELECT m.group_id
  FROM inside
  CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
)
SELECT m.member_id, m.group_id
FROM inside
CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
LIMIT :limit;
