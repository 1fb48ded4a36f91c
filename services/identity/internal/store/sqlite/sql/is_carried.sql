SELECT carried
FROM members
WHERE organization_id = :organization_id AND group_id = :group_id AND member_id = :member_id;
