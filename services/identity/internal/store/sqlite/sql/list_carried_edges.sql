-- :edges is a list of pairs of a member and a group.
SELECT m.member_id, m.group_id
FROM json_each(:edges) n
CROSS JOIN members m ON m.organization_id = :organization_id AND m.group_id = n.value ->> 1 AND m.member_id = n.value ->> 0
WHERE m.carried = 1;
