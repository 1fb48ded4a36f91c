SELECT member_id
FROM members
WHERE organization_id = :organization_id AND group_id = :group_id AND member_group AND member_id > :after
ORDER BY member_id
LIMIT :limit;
