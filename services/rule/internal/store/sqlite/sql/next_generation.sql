UPDATE organizations
SET generation = generation + 1
WHERE organization_id = :organization_id;
