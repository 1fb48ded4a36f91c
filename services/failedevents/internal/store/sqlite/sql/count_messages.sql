-- CROSS JOIN fixes the order: the hours of one directory after another.
SELECT t.directory_id, t.hour / :period * :period AS start, sum(t.accepted), sum(t.failed), sum(t.rate_limited)
FROM activity a
CROSS JOIN tallies t
WHERE a.organization_id = :organization_id AND a.directory_id >= :first AND a.directory_id <= :last
  AND t.organization_id = a.organization_id AND t.directory_id = a.directory_id AND t.hour >= :start AND t.hour <= :end
GROUP BY t.directory_id, 2
ORDER BY t.directory_id, 2;
