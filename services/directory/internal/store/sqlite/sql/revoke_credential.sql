UPDATE service_credentials
SET revoke_time = :revoke_time
WHERE id = :id;
