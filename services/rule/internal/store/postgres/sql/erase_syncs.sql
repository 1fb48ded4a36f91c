DELETE FROM syncs
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM syncs
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
));
