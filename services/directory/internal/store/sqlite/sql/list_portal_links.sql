SELECT organization_id, id, digest, scopes, new_directory, directory_id, created_by, create_time, expire_time, use_time, use_address, revoke_time
FROM portal_links
WHERE organization_id = :organization_id AND (:before = '' OR id < :before)
ORDER BY id DESC
LIMIT :limit;
