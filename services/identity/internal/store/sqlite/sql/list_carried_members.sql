-- An adoption kept these memberships: with the group, or with the member while the group was not adopted.
SELECT m.group_id, m.member_id, m.member_group, m.carried
FROM members m
JOIN groups g ON g.organization_id = m.organization_id AND g.id = m.group_id
JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id
WHERE m.organization_id = :organization_id AND (m.group_id, m.member_id) > (:after_group, :after_member)
  AND (
    (g.directory_id = :directory_id AND m.carried = 1)
    OR (
      d.closed = 1
      AND (
        EXISTS (
          SELECT 1
          FROM users u
          WHERE u.organization_id = :organization_id AND u.id = m.member_id AND u.directory_id = :directory_id
        )
        OR EXISTS (
          SELECT 1
          FROM groups n
          WHERE n.organization_id = :organization_id AND n.id = m.member_id AND n.directory_id = :directory_id
        )
      )
    )
  )
ORDER BY m.group_id, m.member_id
LIMIT :limit;
