INSERT INTO trimmed (organization_id, sequence)
VALUES (:organization_id, :last)
ON CONFLICT (organization_id) DO UPDATE
SET sequence = excluded.sequence;
