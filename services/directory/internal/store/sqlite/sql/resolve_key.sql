SELECT k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time, k.replaced_by_id,
  d.organization_id, d.id, d.display_name, d.strict, d.unique_group_names, d.replaces_id,
  d.create_time, d.update_time, d.delete_time, d.revision, o.federated
FROM keys k
JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
JOIN organizations o ON o.id = d.organization_id
WHERE k.digest = :digest;
