-- They are locked: a scope is written whole, from what was read of it.
SELECT id, display_name, array_to_string(organization_ids, ' '), all_organizations, may_write, digest, create_time, expire_time, revoke_time
FROM service_credentials
WHERE :organization_id = ANY (organization_ids)
FOR UPDATE;
