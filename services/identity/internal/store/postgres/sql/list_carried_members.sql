-- An adoption kept these memberships: with the group, or with the member while the group was not adopted. So these are carried ones, and
-- ones of groups of closed directories: no others are read. OFFSET 0 fixes what is read first.
SELECT group_id, member_id, member_group, carried
FROM (
  (
    SELECT m.group_id, m.member_id, m.member_group, m.carried
    FROM (
      SELECT group_id, member_id, member_group, carried
      FROM members
      WHERE organization_id = :organization_id AND carried AND (group_id, member_id) > (:after_group, :after_member)
      ORDER BY group_id, member_id
      OFFSET 0
    ) m
    CROSS JOIN LATERAL (
      SELECT
      FROM groups
      WHERE organization_id = :organization_id AND id = m.group_id AND directory_id = :directory_id
      OFFSET 0
    ) g
    ORDER BY m.group_id, m.member_id
    LIMIT :limit
  )
  UNION ALL
  (
    SELECT g.id, m.member_id, m.member_group, m.carried
    FROM (
      SELECT g.id, g.directory_id
      FROM (SELECT id FROM directories WHERE organization_id = :organization_id AND closed OFFSET 0) d
      CROSS JOIN LATERAL (
        SELECT id, directory_id
        FROM groups
        WHERE organization_id = :organization_id AND directory_id = d.id AND id >= :after_group
        OFFSET 0
      ) g
      ORDER BY g.id
      OFFSET 0
    ) g
    CROSS JOIN LATERAL (
      SELECT member_id, member_group, carried
      FROM members m
      WHERE organization_id = :organization_id AND group_id = g.id AND (group_id, member_id) > (:after_group, :after_member)
        AND NOT (carried AND g.directory_id = :directory_id)
        AND CASE
          WHEN member_group THEN EXISTS (
            SELECT 1
            FROM groups n
            WHERE n.organization_id = :organization_id AND n.id = m.member_id AND n.directory_id = :directory_id
          )
          ELSE EXISTS (
            SELECT 1
            FROM users u
            WHERE u.organization_id = :organization_id AND u.id = m.member_id AND u.directory_id = :directory_id
          )
        END
      ORDER BY member_id
      LIMIT :limit
    ) m
    ORDER BY g.id, m.member_id
    LIMIT :limit
  )
) m
ORDER BY group_id, member_id
LIMIT :limit;
