INSERT OR IGNORE INTO requeued (organization_id, user_id)
VALUES (:organization_id, :user_id);
