UPDATE events
SET subject = '', subject_key = ''
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM events
  WHERE organization_id = :organization_id AND subject_key = :key AND time <= :until AND subject <> ''
  ORDER BY subject_key, time
  LIMIT :limit
  FOR UPDATE));
