-- This keeps the directory open until the transaction ends.
SELECT pg_advisory_xact_lock_shared(hashtextextended(:organization_id || '/' || :directory_id, 1));
