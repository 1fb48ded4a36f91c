SELECT m.group_id
FROM members m
WHERE m.organization_id = :organization_id AND m.member_id = :member_id
  AND (
    EXISTS (
      SELECT 1
      FROM users u
      WHERE u.organization_id = :organization_id AND u.id = m.member_id AND u.directory_id = :directory_id
    )
    OR EXISTS (
      SELECT 1
      FROM groups g
      WHERE g.organization_id = :organization_id AND g.id = m.member_id AND g.directory_id = :directory_id
    )
  )
LIMIT :limit;
