UPDATE rules
SET unresolved = :unresolved
WHERE organization_id = :organization_id AND id = :id;
