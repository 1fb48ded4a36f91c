SELECT organization_id, id, digest, principal_kind, scopes, provider, subject, provider_session, one_directory, directory_id, address, create_time, use_time, expire_time, revoke_time
FROM sessions
WHERE organization_id = :organization_id AND (:before = '' OR id < :before)
ORDER BY id DESC
LIMIT :limit;
