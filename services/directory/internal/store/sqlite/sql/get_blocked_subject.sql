SELECT provider, subject, digest, create_time, blocked_by
FROM blocked_subjects
WHERE provider = :provider AND subject = :subject;
