SELECT user_id
FROM search_values
WHERE organization_id = :organization_id AND attribute = :attribute AND value IN (SELECT value FROM json_each(:values))
LIMIT :limit;
