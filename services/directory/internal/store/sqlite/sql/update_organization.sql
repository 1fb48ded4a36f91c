UPDATE organizations
SET display_name = :display_name, federated = :federated, update_time = :update_time,
  erase_time = :erase_time, erase_revision = :erase_revision, waiting = :waiting, clear_time = :clear_time
WHERE id = :id;
