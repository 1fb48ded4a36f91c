DELETE FROM tallies
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM tallies
  WHERE hour < :before
  ORDER BY hour
  LIMIT :limit
  FOR UPDATE SKIP LOCKED));
