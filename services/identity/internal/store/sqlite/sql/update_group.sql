UPDATE groups
SET display_name = :display_name, display_name_folded = :display_name_folded, external_id = :external_id,
  version = :version, document = :document, update_time = :time
WHERE organization_id = :organization_id AND id = :id;
