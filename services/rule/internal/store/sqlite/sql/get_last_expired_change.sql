SELECT coalesce(max(sequence), 0)
FROM (SELECT sequence, time FROM access_feed ORDER BY sequence LIMIT :limit)
WHERE time < :before;
