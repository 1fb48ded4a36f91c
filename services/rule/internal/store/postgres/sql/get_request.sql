SELECT digest, resource_id, create_time
FROM requests
WHERE organization_id = :organization_id AND principal = :principal AND request_type = :request_type AND id = :id;
