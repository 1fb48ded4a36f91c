-- A concurrent call can take the same events. Then this one waits, and counts as found what the other one has acknowledged.
-- acknowledge_time + 0 keeps the planner from reading a whole index of open events instead of the found rows.
-- Only the index of these events has the order: see read_by_index.
WITH found AS MATERIALIZED (
  SELECT ctid
  FROM events
  WHERE organization_id = :organization_id AND reason = :reason AND acknowledge_time = 0 AND time <= :end
  ORDER BY time NULLS FIRST, id
  LIMIT :limit
), acknowledged AS (
  UPDATE events
  SET acknowledge_time = :now, acknowledged_by = :by
  WHERE ctid = ANY (ARRAY (SELECT ctid FROM found)) AND acknowledge_time + 0 = 0
  RETURNING 1
)
SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM acknowledged);
