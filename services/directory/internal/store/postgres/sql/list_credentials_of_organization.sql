-- The rows are locked, because organization_ids are read and then written as a whole.
SELECT id, display_name, array_to_string(organization_ids, ' '), all_organizations, scopes, address_ranges, digest, create_time, expire_time, revoke_time, replaced_by_id,
  last_use_time, last_use_address
FROM service_credentials
WHERE :organization_id = ANY (organization_ids)
FOR UPDATE;
