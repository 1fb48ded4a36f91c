INSERT INTO requeued (organization_id, user_id)
SELECT :organization_id, user_id
FROM unnest(:user_ids::text[]) AS user_id
ON CONFLICT DO NOTHING;
