UPDATE organizations
SET commits = commits + 1, erasing = 0, erased = erasing
WHERE organization_id = :organization_id AND erasing = :asked;
