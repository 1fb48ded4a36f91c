SELECT organization_id, directory_id, id, user_name, user_name_folded, external_id, display_name, active, version, document, create_time, update_time
  FROM users WHERE organization_id = :organization AND directory_id = :directory ORDER BY id LIMIT 100;
