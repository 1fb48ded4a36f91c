SELECT u.id, length(u.document), u.active AND NOT d.closed
FROM json_each(:ids) wanted
CROSS JOIN users u ON u.organization_id = :organization_id AND u.id = wanted.value
JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id
ORDER BY wanted.key;
