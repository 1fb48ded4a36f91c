-- Groups become members of groups one at a time in an organization: else two could close a cycle.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 3));
