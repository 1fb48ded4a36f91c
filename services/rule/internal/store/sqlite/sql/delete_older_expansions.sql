DELETE FROM expansions
WHERE organization_id = :organization_id AND group_id = :group_id AND id < :id AND done = 1;
