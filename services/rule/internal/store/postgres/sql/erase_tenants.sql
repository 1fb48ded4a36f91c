DELETE FROM tenants
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM tenants
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
));
