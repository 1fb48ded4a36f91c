DELETE FROM deleted_users
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM deleted_users
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
);
