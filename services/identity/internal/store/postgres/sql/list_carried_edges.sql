SELECT m.member_id, m.group_id
FROM (
  SELECT member_id, group_id
  FROM unnest(:member_ids::text[], :group_ids::text[]) e (member_id, group_id)
  OFFSET 0
) n
CROSS JOIN LATERAL (
  SELECT *
  FROM members
  WHERE organization_id = :organization_id AND group_id = n.group_id AND member_id = n.member_id
  OFFSET 0
) m
WHERE m.carried;
