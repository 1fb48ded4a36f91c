UPDATE events
SET acknowledge_time = :now, acknowledged_by = :by
WHERE organization_id = :organization_id AND id = :id;
