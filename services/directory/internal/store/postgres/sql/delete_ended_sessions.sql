DELETE FROM sessions
WHERE id IN (SELECT id FROM sessions WHERE expire_time < :ended LIMIT :limit FOR UPDATE SKIP LOCKED);
