SELECT organization_id, id, digest, principal_kind, scopes, provider, subject, provider_session, one_directory, directory_id, address, create_time, use_time, expire_time, revoke_time
FROM sessions
WHERE provider = :provider AND provider_session = :provider_session AND provider_session <> '' AND revoke_time = 0 AND expire_time > :now
ORDER BY id;
