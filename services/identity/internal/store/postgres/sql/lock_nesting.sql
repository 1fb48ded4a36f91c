-- In an organization, groups become members of groups one at a time. Otherwise two writes could create a cycle
-- together.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 3));
