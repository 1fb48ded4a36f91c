UPDATE groups
SET directory_id = :directory_id, display_name = :display_name, display_name_folded = :display_name_folded,
  external_id = :external_id, version = version + 1, document = :document, update_time = :time
WHERE organization_id = :organization_id AND id = :id AND directory_id = :from AND version = :version;
