INSERT INTO search_values (organization_id, attribute, value, user_id)
VALUES (:organization_id, :attribute, :value, :user_id)
ON CONFLICT DO NOTHING;
