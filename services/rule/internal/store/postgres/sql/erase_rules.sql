DELETE FROM rules
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM rules
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
));
