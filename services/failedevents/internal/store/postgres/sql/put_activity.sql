-- In the order of the keys, as put_tallies.
INSERT INTO activity AS a (organization_id, directory_id, last_message_time, last_accepted_time, last_failed_time)
SELECT n.organization_id, n.directory_id, max(n.last_message_time), max(n.last_accepted_time), max(n.last_failed_time)
FROM unnest(:organization_ids::text[], :directory_ids::text[], :last_message_times::bigint[], :last_accepted_times::bigint[],
  :last_failed_times::bigint[])
  n (organization_id, directory_id, last_message_time, last_accepted_time, last_failed_time)
WHERE NOT EXISTS (SELECT 1 FROM erased x WHERE x.organization_id = n.organization_id AND x.time >= n.last_message_time)
GROUP BY n.organization_id, n.directory_id
ORDER BY n.organization_id COLLATE "C", n.directory_id COLLATE "C"
ON CONFLICT (organization_id, directory_id) DO UPDATE
SET last_message_time = greatest(a.last_message_time, excluded.last_message_time),
  last_accepted_time = greatest(a.last_accepted_time, excluded.last_accepted_time),
  last_failed_time = greatest(a.last_failed_time, excluded.last_failed_time);
