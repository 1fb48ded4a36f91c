-- This waits for the transactions that have the lock of lock_directory.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :directory_id, 1));
