-- LATERAL fixes the order: the hours of one directory after another.
SELECT a.directory_id, t.start, t.accepted, t.failed, t.rate_limited
FROM activity a
CROSS JOIN LATERAL (
  SELECT hour / :period::bigint * :period::bigint AS start, sum(accepted)::bigint AS accepted, sum(failed)::bigint AS failed,
    sum(rate_limited)::bigint AS rate_limited
  FROM tallies
  WHERE organization_id = a.organization_id AND directory_id = a.directory_id AND hour >= :start AND hour <= :end
  GROUP BY 1) t
WHERE a.organization_id = :organization_id AND a.directory_id >= :first AND a.directory_id <= :last
ORDER BY a.directory_id, t.start;
