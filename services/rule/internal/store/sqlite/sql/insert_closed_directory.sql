INSERT OR IGNORE INTO closed_directories (organization_id, directory_id)
VALUES (:organization_id, :directory_id);
