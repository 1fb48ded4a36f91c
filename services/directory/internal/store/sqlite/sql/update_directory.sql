UPDATE directories
SET display_name = :display_name, strict = :strict, unique_group_names = :unique_group_names, adopt_by_name = :adopt_by_name,
  update_time = :update_time, delete_time = :delete_time, revision = (SELECT newest FROM revision)
WHERE organization_id = :organization_id AND id = :id
RETURNING revision;
