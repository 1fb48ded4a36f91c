DELETE FROM erased_names
WHERE (organization_id, key) IN (SELECT organization_id, key FROM erased_names WHERE time < :before ORDER BY time LIMIT :limit);
