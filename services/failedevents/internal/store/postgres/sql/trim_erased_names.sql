DELETE FROM erased_names
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM erased_names
  WHERE time < :before
  ORDER BY time
  LIMIT :limit));
