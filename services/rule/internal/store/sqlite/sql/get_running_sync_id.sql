SELECT id
FROM syncs
WHERE organization_id = :organization_id AND state = 1;
