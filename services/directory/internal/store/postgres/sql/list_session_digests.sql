SELECT digest
FROM sessions
WHERE organization_id = :organization_id;
