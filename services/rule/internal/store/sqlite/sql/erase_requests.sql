DELETE FROM requests
WHERE (organization_id, principal, request_type, id) IN
  (SELECT organization_id, principal, request_type, id FROM requests WHERE organization_id = :organization_id LIMIT :limit);
