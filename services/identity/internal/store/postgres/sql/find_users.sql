SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed
FROM users r
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE r.organization_id = :organization_id AND r.id > :after
ORDER BY r.id
LIMIT :limit;
