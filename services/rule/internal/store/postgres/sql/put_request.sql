INSERT INTO requests (organization_id, principal, request_type, id, digest, resource_id, create_time)
VALUES (:organization_id, :principal, :request_type, :id, :digest, :resource_id, :create_time)
ON CONFLICT (organization_id, principal, request_type, id) DO UPDATE
SET digest = excluded.digest, resource_id = excluded.resource_id, create_time = excluded.create_time;
