DELETE FROM portal_links
WHERE (organization_id, id) IN
  (SELECT organization_id, id FROM portal_links WHERE organization_id = :organization_id LIMIT :limit);
