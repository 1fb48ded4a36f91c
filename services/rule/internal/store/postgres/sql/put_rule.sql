INSERT INTO rules (organization_id, id, display_name, enabled, match_kind, match_value, unresolved, revision,
    create_time, update_time)
VALUES (:organization_id, :id, :display_name, :enabled, :match_kind, :match_value, :unresolved, :revision,
    :create_time, :update_time)
ON CONFLICT (organization_id, id) DO UPDATE
SET display_name = excluded.display_name, enabled = excluded.enabled, match_kind = excluded.match_kind,
  match_value = excluded.match_value, unresolved = excluded.unresolved, revision = excluded.revision,
  create_time = excluded.create_time, update_time = excluded.update_time;
