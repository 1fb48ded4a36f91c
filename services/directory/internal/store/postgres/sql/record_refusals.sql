-- It waits for nobody: a row that another transaction has locked is skipped.
WITH refused AS (
  SELECT d.organization_id, d.id, r.count, r.last_time, r.last_reason
  FROM unnest(:ids::text[], :counts::bigint[], :times::bigint[], :reasons::integer[]) AS r (id, count, last_time, last_reason)
  JOIN directories d ON d.id = r.id
  FOR NO KEY UPDATE OF d SKIP LOCKED
)
UPDATE directories d
SET refused_count = d.refused_count + refused.count,
  last_refusal_time = greatest(d.last_refusal_time, refused.last_time),
  last_refusal_reason = CASE WHEN d.last_refusal_time > refused.last_time THEN d.last_refusal_reason ELSE refused.last_reason END
FROM refused
WHERE d.organization_id = refused.organization_id AND d.id = refused.id;
