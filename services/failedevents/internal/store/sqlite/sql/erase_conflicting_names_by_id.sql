UPDATE events
SET conflicting_name = '', conflicting_key = ''
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM events
  WHERE organization_id = :organization_id AND conflicting_resource_id = :key AND time <= :until AND conflicting_name <> ''
  LIMIT :limit);
