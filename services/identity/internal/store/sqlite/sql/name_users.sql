SELECT r.id, r.user_name, r.display_name, r.active
FROM json_each(:ids) wanted
CROSS JOIN users r ON r.organization_id = :organization_id AND r.id = wanted.value;
