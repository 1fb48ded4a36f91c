INSERT OR IGNORE INTO organizations (organization_id)
VALUES (:organization_id);
