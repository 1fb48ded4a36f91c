WITH RECURSIVE inside (id) AS (
  SELECT value
  FROM json_each(:user_ids)
  UNION
  SELECT m.group_id
  FROM inside
  CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
)
SELECT m.member_id, g.id, g.display_name
FROM inside
CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
CROSS JOIN groups g ON g.organization_id = :organization_id AND g.id = m.group_id AND g.directory_id = :directory_id;
