SELECT provider, subject, digest, create_time, blocked_by
FROM blocked_subjects
WHERE digest = :digest;
