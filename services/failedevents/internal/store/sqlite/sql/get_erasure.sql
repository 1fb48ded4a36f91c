SELECT time, ended
FROM erased
WHERE organization_id = :organization_id;
