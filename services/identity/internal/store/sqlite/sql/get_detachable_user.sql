SELECT u.directory_id, u.version, d.closed
FROM users u
JOIN directories d ON d.organization_id = :organization_id AND d.id = u.directory_id
WHERE u.organization_id = :organization_id AND u.id = :id;
