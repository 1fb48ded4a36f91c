UPDATE expansions
SET newest = (
  SELECT coalesce(max(newest), 0) + 1
  FROM expansions
  WHERE organization_id = :organization_id
)
WHERE organization_id = :organization_id AND group_id = :group_id AND done = 0 AND started = 0;
