INSERT INTO directories (organization_id, id, display_name, strict, unique_group_names, adopt_by_name, replaces_id,
  create_time, update_time, delete_time, revision)
VALUES (:organization_id, :id, :display_name, :strict, :unique_group_names, :adopt_by_name, :replaces_id, :create_time, :update_time, 0,
  (SELECT newest FROM revision))
RETURNING revision;
