WITH oldest AS (
  SELECT transaction, sequence, time
  FROM changes
  WHERE transaction < (SELECT least(transaction, everywhere) FROM folded)
    AND (SELECT pg_try_advisory_xact_lock(hashtextextended('trim', 4)))
  ORDER BY transaction, sequence
  LIMIT :limit
),
last AS (
  SELECT transaction, sequence
  FROM oldest
  WHERE time < :before
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
),
gone AS (
  DELETE FROM changes c
  USING last
  WHERE (c.transaction, c.sequence) <= (last.transaction, last.sequence)
  RETURNING c.organization_id, c.transaction, c.sequence
),
noted AS (
  INSERT INTO trimmed AS t (organization_id, transaction, sequence)
  SELECT DISTINCT ON (organization_id) organization_id, transaction, sequence
  FROM gone
  ORDER BY organization_id, transaction DESC, sequence DESC
  -- An erasure may have trimmed the organization further.
  ON CONFLICT (organization_id) DO UPDATE
  SET transaction = excluded.transaction, sequence = excluded.sequence
  WHERE (t.transaction, t.sequence) < (excluded.transaction, excluded.sequence)
)
SELECT count(*)
FROM gone;
