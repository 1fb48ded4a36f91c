-- Keeps the greatest values, so that a tally that is repeated, or comes after a newer one, changes nothing. Inserts in the order of the
-- keys: two calls with the same tallies wait for each other's rows, and must not deadlock.
INSERT INTO tallies AS t (organization_id, directory_id, hour, id, accepted, failed, rate_limited)
SELECT n.organization_id, n.directory_id, n.hour, n.id, max(n.accepted), max(n.failed), max(n.rate_limited)
FROM unnest(:organization_ids::text[], :directory_ids::text[], :hours::bigint[], :ids::text[], :accepted::bigint[], :failed::bigint[],
  :rate_limited::bigint[], :last_message_times::bigint[])
  n (organization_id, directory_id, hour, id, accepted, failed, rate_limited, last_message_time)
WHERE NOT EXISTS (SELECT 1 FROM erased x WHERE x.organization_id = n.organization_id AND x.time >= n.last_message_time)
GROUP BY n.organization_id, n.directory_id, n.hour, n.id
ORDER BY n.organization_id COLLATE "C", n.directory_id COLLATE "C", n.hour, n.id COLLATE "C"
ON CONFLICT (organization_id, directory_id, hour, id) DO UPDATE
SET accepted = greatest(t.accepted, excluded.accepted), failed = greatest(t.failed, excluded.failed),
  rate_limited = greatest(t.rate_limited, excluded.rate_limited);
