INSERT INTO organizations (organization_id)
SELECT id
FROM unnest(:organization_ids::text[]) WITH ORDINALITY AS o (id, n)
ORDER BY n
ON CONFLICT DO NOTHING;
