-- It waits for nobody: a row that another transaction has locked is skipped.
WITH newer AS (
  SELECT s.digest, u.use_time
  FROM unnest(:digests::bytea[], :times::bigint[], :addresses::text[]) AS u (digest, use_time, address)
  JOIN sessions s ON s.digest = u.digest
  WHERE s.use_time < u.use_time
  FOR NO KEY UPDATE OF s SKIP LOCKED
)
UPDATE sessions s
SET use_time = newer.use_time
FROM newer
WHERE s.digest = newer.digest;
