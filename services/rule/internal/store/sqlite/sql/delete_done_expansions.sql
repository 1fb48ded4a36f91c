DELETE FROM expansions
WHERE organization_id = :organization_id
  AND NOT EXISTS (SELECT 1 FROM expansions WHERE organization_id = :organization_id AND done = 0);
