UPDATE organizations
SET owner_expire_time = 0
WHERE owner_expire_time > 0;
