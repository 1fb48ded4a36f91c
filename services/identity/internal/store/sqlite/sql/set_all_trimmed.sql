INSERT INTO trimmed (organization_id, sequence)
SELECT organization_id, max(sequence)
FROM changes
WHERE sequence <= :last
GROUP BY organization_id
ON CONFLICT (organization_id) DO UPDATE
SET sequence = excluded.sequence;
