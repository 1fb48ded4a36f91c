SELECT group_id
FROM members
WHERE organization_id = :organization_id AND member_id = :member_id AND group_id > :after
ORDER BY group_id
LIMIT :limit;
