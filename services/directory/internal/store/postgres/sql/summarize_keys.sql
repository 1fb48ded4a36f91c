-- Reads the keys that never expire, and those that have not expired yet, one after the other: an index contains only these. The earliest
-- expiry is that of a key that no other key replaces; 0 for none. FILTER keeps min from reading another index in order of expire_time.
SELECT d.id,
  (SELECT count(*)
   FROM keys
   WHERE organization_id = :organization_id AND directory_id = d.id AND revoke_time = 0 AND expire_time = 0)
  + (SELECT count(*)
     FROM keys
     WHERE organization_id = :organization_id AND directory_id = d.id AND revoke_time = 0 AND expire_time > :at),
  (SELECT coalesce(min(expire_time) FILTER (WHERE replaced_by_id = ''), 0)
   FROM keys
   WHERE organization_id = :organization_id AND directory_id = d.id AND revoke_time = 0 AND expire_time > :at)
FROM unnest(:directory_ids::text[]) d (id);
