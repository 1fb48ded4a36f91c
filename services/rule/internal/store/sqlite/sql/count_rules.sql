SELECT count(*)
FROM rules
WHERE organization_id = :organization_id;
