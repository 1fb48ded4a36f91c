UPDATE organizations
SET checkpoint = :checkpoint
WHERE organization_id = :organization_id;
