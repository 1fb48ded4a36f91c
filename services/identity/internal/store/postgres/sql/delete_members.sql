DELETE FROM members m
USING (
  SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
    :group_id::text AS group_id, id
  FROM unnest(:ids::text[]) id
  OFFSET 0
) n
WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = n.id
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
RETURNING m.member_id, m.member_group;
