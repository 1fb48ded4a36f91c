-- Advisory locks are shared by all who use the database, so these are told apart by a number that is unlikely twice. lock_organizations_shared has the
-- same.
SELECT pg_advisory_xact_lock(hashtextextended(:organization_id, 8245921741));
