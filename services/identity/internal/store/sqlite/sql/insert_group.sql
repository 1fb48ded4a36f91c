INSERT INTO groups (organization_id, directory_id, id, display_name, display_name_folded, external_id, version,
    document, create_time, update_time)
VALUES (:organization_id, :directory_id, :id, :display_name, :display_name_folded, :external_id, 1, :document,
    :time, :time);
