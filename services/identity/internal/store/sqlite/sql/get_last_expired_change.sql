SELECT coalesce(max(sequence), 0)
FROM (
  SELECT sequence, time
  FROM changes
  ORDER BY sequence
  LIMIT :limit
)
WHERE time < :before;
