UPDATE organizations
SET erasing = :asked
WHERE organization_id = :organization_id;
