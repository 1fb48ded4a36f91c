SELECT count(*)
FROM blocked_subjects;
