SELECT id, secret, create_time, expire_time
FROM signing_keys
ORDER BY create_time DESC, id DESC;
