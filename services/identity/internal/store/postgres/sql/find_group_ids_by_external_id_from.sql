SELECT id
FROM groups
WHERE organization_id = :organization_id AND directory_id = :directory_id AND external_id <> ''
  AND external_id >= :low
LIMIT :limit;
