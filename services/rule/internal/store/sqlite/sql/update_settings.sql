UPDATE organizations
SET when_unknown = :when_unknown
WHERE organization_id = :organization_id;
