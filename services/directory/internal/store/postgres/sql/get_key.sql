SELECT k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time, k.replaced_by_id,
  k.created_by, k.created_by_kind, k.last_use_time, k.last_use_address
FROM keys k
WHERE k.organization_id = :organization_id AND k.directory_id = :directory_id AND k.id = :id;
