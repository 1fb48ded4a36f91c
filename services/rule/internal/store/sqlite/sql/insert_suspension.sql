INSERT OR IGNORE INTO suspensions (organization_id, user_id, reason, suspended_by, create_time)
VALUES (:organization_id, :user_id, :reason, :suspended_by, :create_time);
