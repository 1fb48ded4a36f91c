-- An adoption kept this membership: with the group, or with the member while the group was not adopted.
DELETE FROM members AS m
WHERE organization_id = :organization_id AND group_id = :group_id AND member_id = :member_id
  AND EXISTS (
    SELECT 1
    FROM groups g
    JOIN directories d ON d.organization_id = :organization_id AND d.id = g.directory_id
    WHERE g.organization_id = :organization_id AND g.id = :group_id
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
  );
