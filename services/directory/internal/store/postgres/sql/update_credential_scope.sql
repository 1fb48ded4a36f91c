UPDATE service_credentials
SET organization_ids = string_to_array(:organization_ids, ' ')
WHERE id = :id;
