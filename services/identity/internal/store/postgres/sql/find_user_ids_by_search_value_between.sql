SELECT user_id
FROM search_values
WHERE organization_id = :organization_id AND attribute = :attribute AND value >= :low AND value <= :high
LIMIT :limit;
