DELETE FROM changes
WHERE organization_id = :organization_id AND sequence <= :last;
