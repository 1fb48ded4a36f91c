UPDATE events
SET subject = '', subject_key = ''
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM events
  WHERE organization_id = :organization_id AND resource_id = :key AND time <= :until AND subject <> ''
  LIMIT :limit);
