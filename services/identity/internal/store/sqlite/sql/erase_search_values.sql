DELETE FROM search_values
WHERE organization_id = :organization_id AND (attribute, value, user_id) IN (
  SELECT attribute, value, user_id
  FROM search_values
  WHERE organization_id = :organization_id
  ORDER BY attribute, value, user_id
  LIMIT :limit
);
