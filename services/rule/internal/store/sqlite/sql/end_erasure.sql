UPDATE organizations
SET erasing = 0, erased = erasing
WHERE organization_id = :organization_id AND erasing = :asked;
