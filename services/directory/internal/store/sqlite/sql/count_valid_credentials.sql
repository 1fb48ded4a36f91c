SELECT count(*)
FROM service_credentials
WHERE revoke_time = 0 AND (expire_time = 0 OR expire_time > :at);
