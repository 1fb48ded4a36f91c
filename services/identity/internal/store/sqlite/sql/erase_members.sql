DELETE FROM members
WHERE organization_id = :organization_id AND (group_id, member_id) IN (
  SELECT group_id, member_id
  FROM members
  WHERE organization_id = :organization_id
  ORDER BY group_id, member_id
  LIMIT :limit
);
