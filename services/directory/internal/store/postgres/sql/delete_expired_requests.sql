DELETE FROM requests
WHERE (organization_id, principal, request_type, id) IN
  (SELECT organization_id, principal, request_type, id
   FROM requests
   WHERE organization_id = :organization_id AND create_time <= :expired
   ORDER BY create_time
   LIMIT :limit);
