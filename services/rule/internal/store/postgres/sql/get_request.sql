SELECT digest, resource_id, create_time
FROM requests
WHERE organization_id = :organization_id AND principal = :principal AND message = :message AND id = :id;
