UPDATE events
SET conflicting_name = '', conflicting_key = ''
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM events
  WHERE organization_id = :organization_id AND conflicting_resource_id = :key AND time <= :until AND conflicting_name <> ''
  ORDER BY conflicting_resource_id, time
  LIMIT :limit
  FOR UPDATE));
