SELECT m.member_id
FROM json_each(:ids) named
CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = :group_id AND m.member_id = named.value
ORDER BY named.key;
