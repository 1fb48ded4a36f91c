SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed
FROM search_values s
CROSS JOIN users r ON r.organization_id = :organization_id AND r.id = s.user_id
JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id
WHERE s.organization_id = :organization_id AND s.attribute = 'emails' AND s.value = :email AND s.user_id > :after
ORDER BY s.user_id
LIMIT :limit;
