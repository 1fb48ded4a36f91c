DELETE FROM members
WHERE organization_id = :organization_id AND group_id = :group_id AND member_id = :member_id
  AND (
    EXISTS (
      SELECT 1
      FROM users
      WHERE organization_id = :organization_id AND id = :member_id AND directory_id = :directory_id
    )
    OR EXISTS (
      SELECT 1
      FROM groups
      WHERE organization_id = :organization_id AND id = :member_id AND directory_id = :directory_id
    )
  )
RETURNING member_group;
