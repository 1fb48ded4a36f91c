SELECT m.member_id, m.member_group, coalesce(u.display_name, g.display_name), m.carried
FROM members m
LEFT JOIN users u ON NOT m.member_group AND u.organization_id = m.organization_id AND u.id = m.member_id
  AND u.directory_id = :directory_id
LEFT JOIN groups g ON m.member_group AND g.organization_id = m.organization_id AND g.id = m.member_id
  AND g.directory_id = :directory_id
WHERE m.organization_id = :organization_id AND m.group_id = :group_id AND m.member_id > :after
  AND (u.id IS NOT NULL OR g.id IS NOT NULL)
ORDER BY m.member_id
LIMIT :limit;
