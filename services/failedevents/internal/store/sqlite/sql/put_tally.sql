-- Keeps the greatest values, so that a tally that is repeated, or comes after a newer one, changes nothing.
INSERT INTO tallies (organization_id, directory_id, hour, id, accepted, failed, rate_limited)
VALUES (:organization_id, :directory_id, :hour, :id, :accepted, :failed, :rate_limited)
ON CONFLICT DO UPDATE
SET accepted = max(accepted, excluded.accepted), failed = max(failed, excluded.failed),
  rate_limited = max(rate_limited, excluded.rate_limited);
