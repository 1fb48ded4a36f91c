-- It waits for nobody: a row that another transaction has locked is skipped.
WITH newer AS (
  SELECT k.digest, u.use_time, u.address
  FROM unnest(:digests::bytea[], :times::bigint[], :addresses::text[]) AS u (digest, use_time, address)
  JOIN service_credentials k ON k.digest = u.digest
  WHERE k.last_use_time < u.use_time
  FOR NO KEY UPDATE OF k SKIP LOCKED
)
UPDATE service_credentials k
SET last_use_time = newer.use_time, last_use_address = newer.address
FROM newer
WHERE k.digest = newer.digest;
