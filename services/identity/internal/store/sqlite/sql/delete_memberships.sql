DELETE FROM members
WHERE organization_id = :organization_id AND member_id = :member_id;
