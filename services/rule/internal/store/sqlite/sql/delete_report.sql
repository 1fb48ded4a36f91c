DELETE FROM reports
WHERE organization_id = :organization_id AND id = :id;
