INSERT INTO signing_keys (id, secret, create_time, expire_time)
VALUES (:id, :secret, :create_time, :expire_time);
