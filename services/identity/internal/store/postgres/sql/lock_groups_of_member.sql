SELECT g.id
FROM groups g
WHERE g.organization_id = :organization_id AND g.id IN (
  SELECT group_id
  FROM members
  WHERE organization_id = :organization_id AND member_id = :member_id
)
ORDER BY g.id
FOR NO KEY UPDATE;
