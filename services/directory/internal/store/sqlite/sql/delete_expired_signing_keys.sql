DELETE FROM signing_keys
WHERE expire_time <= :now;
