DELETE FROM tallies
WHERE (organization_id, directory_id, hour, id) IN (
  SELECT organization_id, directory_id, hour, id
  FROM tallies
  WHERE hour < :before
  ORDER BY hour
  LIMIT :limit);
