UPDATE expansions
SET newest = max(newest, :newest), root = min(root, :root),
  from_cursor = CASE WHEN :root < root THEN :from ELSE from_cursor END
WHERE organization_id = :organization_id AND group_id = :group_id AND done = 0 AND started = 0;
