SELECT EXISTS (
  SELECT 1
  FROM erased_names
  WHERE organization_id = :organization_id AND key IN (:id, :name) AND time >= :time);
