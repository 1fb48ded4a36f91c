INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id, display_name, active,
    version, document, create_time, update_time)
VALUES (:organization_id, :directory_id, :id, :user_name, :user_name_folded, :external_id, :display_name, :active, 1,
    :document, :time, :time);
