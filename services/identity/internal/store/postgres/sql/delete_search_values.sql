DELETE FROM search_values
WHERE organization_id = :organization_id AND user_id = :user_id;
