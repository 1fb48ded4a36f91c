INSERT INTO blocked_subjects (provider, subject, digest, create_time, blocked_by)
VALUES (:provider, :subject, :digest, :create_time, :blocked_by);
