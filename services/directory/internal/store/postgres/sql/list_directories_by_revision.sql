SELECT d.organization_id, d.id, d.display_name, d.strict, d.unique_group_names, d.adopt_by_name, d.replaces_id,
  d.create_time, d.update_time, d.delete_time, d.revision, o.federated,
  d.refused_count, d.last_refusal_time, d.last_refusal_reason
FROM directories d
JOIN organizations o ON o.id = d.organization_id
WHERE d.revision > :revision
ORDER BY d.revision
LIMIT :limit;
