INSERT INTO totals (organization_id, directory_id, resource_group, total)
SELECT organization_id, directory_id, false, count(*)
FROM users
GROUP BY organization_id, directory_id
UNION ALL
SELECT organization_id, directory_id, true, count(*)
FROM groups
GROUP BY organization_id, directory_id
UNION ALL
SELECT organization_id, '', false, count(*)
FROM users
GROUP BY organization_id
UNION ALL
SELECT organization_id, '', true, count(*)
FROM groups
GROUP BY organization_id;
