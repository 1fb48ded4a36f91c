DELETE FROM expansions
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM expansions
  WHERE organization_id = :organization_id
  ORDER BY group_id, id
  LIMIT :limit
));
