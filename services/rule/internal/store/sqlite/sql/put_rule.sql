INSERT
  OR REPLACE INTO rules (organization_id, id, display_name, enabled, match_kind, match_value, unresolved, revision,
    create_time, update_time)
VALUES (:organization_id, :id, :display_name, :enabled, :match_kind, :match_value, :unresolved, :revision,
    :create_time, :update_time);
