SELECT count(*)
FROM portal_links
WHERE organization_id = :organization_id AND use_time = 0 AND revoke_time = 0 AND expire_time > :now;
