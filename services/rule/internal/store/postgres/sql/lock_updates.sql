-- Everyone who uses the database shares the advisory locks. The number makes a collision with others unlikely.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 8245921731));
