SELECT EXISTS (
  SELECT 1
  FROM groups
  WHERE organization_id = :organization_id AND display_name_folded = :name AND directory_id = :directory_id
    AND id <> :id
);
