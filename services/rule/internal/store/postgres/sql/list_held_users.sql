SELECT DISTINCT user_id
FROM sources
WHERE organization_id = :organization_id AND held
ORDER BY user_id;
