UPDATE members
SET carried = 1
WHERE organization_id = :organization_id AND group_id = :group_id;
