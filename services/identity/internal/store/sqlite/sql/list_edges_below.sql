WITH RECURSIVE inside (id) AS (
  SELECT value
  FROM json_each(:ids)
  UNION
  SELECT m.member_id
  FROM inside
  CROSS JOIN members m INDEXED BY members_nested
    ON m.organization_id = :organization_id AND m.group_id = inside.id AND m.member_group = 1
)
SELECT m.member_id, m.group_id
FROM inside
CROSS JOIN members m INDEXED BY members_nested
  ON m.organization_id = :organization_id AND m.group_id = inside.id AND m.member_group = 1
LIMIT :limit;
