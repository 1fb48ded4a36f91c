-- Everyone who uses the database shares the advisory locks. The number makes a collision with others unlikely.
-- lock_organizations_shared has the same number.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 8245921741));
