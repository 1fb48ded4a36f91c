SELECT r.id, true,
  EXISTS (
    SELECT 1
    FROM members m
    WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = r.id
  )
FROM (
  SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
    :group_id::text AS group_id, id
  FROM unnest(:ids::text[]) id
  OFFSET 0
) n
JOIN groups r ON r.organization_id = n.organization_id AND r.id = n.id AND r.directory_id = n.directory_id
ORDER BY r.id
FOR KEY SHARE OF r;
