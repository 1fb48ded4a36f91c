DELETE FROM directories
WHERE (organization_id, id) IN
  (SELECT organization_id, id FROM directories WHERE organization_id = :organization_id LIMIT :limit);
