-- It waits for those who hold the lock of lock_directory.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :directory_id, 1));
