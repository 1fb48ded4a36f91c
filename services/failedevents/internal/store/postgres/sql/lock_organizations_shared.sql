-- Advisory locks are shared by all who use the database, so these are told apart by a number that is unlikely twice. lock_erasure has the
-- same.
SELECT pg_advisory_xact_lock_shared(hashtextextended(id, 8245921741))
FROM (SELECT DISTINCT id COLLATE "C" AS id FROM unnest(:organization_ids::text[]) AS id ORDER BY 1) o;
