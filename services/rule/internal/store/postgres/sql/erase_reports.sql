DELETE FROM reports
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM reports
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
));
