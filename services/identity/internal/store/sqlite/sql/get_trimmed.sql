SELECT coalesce(max(sequence), 0)
FROM trimmed
WHERE :organization_id = '' OR organization_id = :organization_id;
