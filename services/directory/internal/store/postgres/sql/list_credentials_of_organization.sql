-- The rows are locked, because a scope is read and then written as a whole.
SELECT id, display_name, array_to_string(organization_ids, ' '), all_organizations, may_write, digest, create_time, expire_time, revoke_time
FROM service_credentials
WHERE :organization_id = ANY (organization_ids)
FOR UPDATE;
