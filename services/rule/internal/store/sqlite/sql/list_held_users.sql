SELECT DISTINCT user_id
FROM sources
WHERE organization_id = :organization_id AND held = 1
ORDER BY user_id;
