-- Advisory locks are shared by all who use the database, so theirs are told apart by numbers that are unlikely twice.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 8245921731));
