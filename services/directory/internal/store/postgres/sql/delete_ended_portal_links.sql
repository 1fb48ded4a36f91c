DELETE FROM portal_links
WHERE (organization_id, id) IN
  (SELECT organization_id, id FROM portal_links WHERE expire_time < :ended LIMIT :limit FOR UPDATE SKIP LOCKED);
