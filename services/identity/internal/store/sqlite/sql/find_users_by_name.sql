-- Read the directories first. An organization has few of them, and the value is indexed in each.
SELECT r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed
FROM directories d
CROSS JOIN users r ON r.organization_id = d.organization_id AND r.directory_id = d.id
WHERE d.organization_id = :organization_id AND r.id > :after AND r.user_name_folded = :name
ORDER BY r.id
LIMIT :limit;
