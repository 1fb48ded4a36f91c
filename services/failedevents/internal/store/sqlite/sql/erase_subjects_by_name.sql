UPDATE events
SET subject = '', subject_key = ''
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM events
  WHERE organization_id = :organization_id AND subject_key = :key AND time <= :until AND subject <> ''
  LIMIT :limit);
