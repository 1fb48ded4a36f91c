SELECT DISTINCT user_id
FROM sources
WHERE organization_id = :organization_id AND retained
ORDER BY user_id;
