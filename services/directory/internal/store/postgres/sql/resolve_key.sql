SELECT k.organization_id, k.directory_id, k.id, k.display_name, k.digest, k.create_time, k.expire_time, k.revoke_time, k.replaced_by_id,
  k.created_by, k.created_by_kind, k.last_use_time, k.last_use_address,
  d.organization_id, d.id, d.display_name, d.strict, d.unique_group_names, d.adopt_by_name, d.replaces_id,
  d.create_time, d.update_time, d.delete_time, d.revision, o.federated,
  d.refused_count, d.last_refusal_time, d.last_refusal_reason
FROM keys k
JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
JOIN organizations o ON o.id = d.organization_id
WHERE k.digest = :digest;
