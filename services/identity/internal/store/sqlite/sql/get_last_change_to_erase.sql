SELECT coalesce(max(sequence), 0)
FROM (
  SELECT sequence
  FROM changes
  WHERE organization_id = :organization_id
  ORDER BY sequence
  LIMIT :limit
);
