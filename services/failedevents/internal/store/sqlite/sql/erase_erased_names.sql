DELETE FROM erased_names
WHERE organization_id = :organization_id
  AND key IN (SELECT key FROM erased_names WHERE organization_id = :organization_id LIMIT :limit);
