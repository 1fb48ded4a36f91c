UPDATE users
SET directory_id = :directory_id, user_name = :user_name, user_name_folded = :user_name_folded,
  external_id = :external_id, display_name = :display_name, active = :active, version = version + 1,
  document = :document, update_time = :time
WHERE organization_id = :organization_id AND id = :id AND directory_id = :from AND version = :version;
