DELETE FROM members
WHERE organization_id = :organization_id AND group_id = :group_id;
