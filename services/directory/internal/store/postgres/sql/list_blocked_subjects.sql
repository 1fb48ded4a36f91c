SELECT provider, subject, digest, create_time, blocked_by
FROM blocked_subjects
WHERE (provider, subject) > (:provider, :subject)
ORDER BY provider, subject
LIMIT :limit;
