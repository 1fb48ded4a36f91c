DELETE FROM service_credentials
WHERE id = :id;
