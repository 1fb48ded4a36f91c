UPDATE service_credentials
SET last_use_time = :use_time, last_use_address = :address
WHERE digest = :digest AND last_use_time < :use_time;
