UPDATE erased
SET erasing = 0, ended = erasing
WHERE organization_id = :organization_id AND erasing = :asked;
