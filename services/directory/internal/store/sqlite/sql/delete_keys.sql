DELETE FROM keys
WHERE (organization_id, directory_id, id) IN
  (SELECT organization_id, directory_id, id FROM keys WHERE organization_id = :organization_id LIMIT :limit);
