SELECT id
FROM groups
WHERE organization_id = :organization_id AND directory_id = :directory_id AND display_name_folded = :low
LIMIT :limit;
