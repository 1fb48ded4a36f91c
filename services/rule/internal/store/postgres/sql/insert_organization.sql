INSERT INTO organizations (organization_id)
VALUES (:organization_id)
ON CONFLICT DO NOTHING;
