-- Everyone who uses the database shares the advisory locks. The number makes a collision with others unlikely. lock_erasure has the
-- same number.
SELECT pg_advisory_xact_lock_shared(hashtextextended(id, 8245921741))
FROM (SELECT DISTINCT id COLLATE "C" AS id FROM unnest(:organization_ids::text[]) AS id ORDER BY 1) o;
