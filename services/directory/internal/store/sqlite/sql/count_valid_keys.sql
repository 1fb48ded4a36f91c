SELECT count(*)
FROM keys
WHERE organization_id = :organization_id AND directory_id = :directory_id
  AND revoke_time = 0 AND (expire_time = 0 OR expire_time > :at);
