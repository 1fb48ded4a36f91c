-- Records that are not visible yet stay. Otherwise the feed of all organizations would be trimmed ahead of its readers.
WITH found AS MATERIALIZED (
  SELECT ctid AS at, transaction, sequence
  FROM changes
  WHERE organization_id = :organization_id
    AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  ORDER BY organization_id, transaction, sequence
  LIMIT :limit
),
gone AS (
  DELETE FROM changes
  WHERE ctid = ANY (ARRAY(SELECT at FROM found))
),
noted AS (
  INSERT INTO trimmed AS t (organization_id, transaction, sequence)
  SELECT :organization_id, transaction, sequence
  FROM found
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
  ON CONFLICT (organization_id) DO UPDATE
  SET transaction = excluded.transaction, sequence = excluded.sequence
  WHERE (t.transaction, t.sequence) < (excluded.transaction, excluded.sequence)
)
SELECT count(*)
FROM found;
