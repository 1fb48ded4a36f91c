-- Followers of the feed see no difference when a carried member is confirmed: it counted before.
UPDATE members m
SET carried = false
FROM (
  SELECT :organization_id::text AS organization_id, :directory_id::text AS directory_id,
    :group_id::text AS group_id, id
  FROM unnest(:ids::text[]) id
  OFFSET 0
) n
WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = n.id AND m.carried;
