SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
  r.active, r.version, r.document, r.create_time, r.update_time,
  (
    WITH RECURSIVE inside (id) AS (
      SELECT r.id
      UNION
      SELECT m.group_id
      FROM inside
      CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
    )
    SELECT json_group_array(json_array(m.member_id, g.id, g.display_name))
    FROM inside
    CROSS JOIN members m ON m.organization_id = :organization_id AND m.member_id = inside.id
    CROSS JOIN groups g ON g.organization_id = :organization_id AND g.id = m.group_id AND g.directory_id = :directory_id
  )
FROM users r
WHERE r.organization_id = :organization_id AND r.directory_id = :directory_id AND r.user_name_folded = :name;
