UPDATE events
SET subject = '', subject_key = ''
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM events
  WHERE organization_id = :organization_id AND resource_id = :key AND time <= :until AND subject <> ''
  ORDER BY resource_id, time
  LIMIT :limit
  FOR UPDATE));
