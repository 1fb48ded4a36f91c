SELECT id
FROM groups
WHERE organization_id = :organization_id AND directory_id = :directory_id AND external_id <> ''
  AND external_id IN (SELECT value FROM json_each(:values))
LIMIT :limit;
