DELETE FROM blocked_subjects
WHERE provider = :provider AND subject = :subject;
