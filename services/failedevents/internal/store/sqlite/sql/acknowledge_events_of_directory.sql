UPDATE events
SET acknowledge_time = :now, acknowledged_by = :by
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM events
  WHERE organization_id = :organization_id AND directory_id = :directory_id AND reason = :reason AND acknowledge_time = 0 AND time <= :end
  ORDER BY time, id
  LIMIT :limit);
