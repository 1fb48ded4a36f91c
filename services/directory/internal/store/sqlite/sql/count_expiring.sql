-- Another key replaces those with a replaced_by_id, so nobody needs a warning.
SELECT 'api_key',
  count(*) FILTER (WHERE k.expire_time <= :now),
  count(*) FILTER (WHERE k.expire_time > :now AND k.expire_time <= :late),
  count(*) FILTER (WHERE k.expire_time > :now)
FROM keys k
JOIN directories d ON d.organization_id = k.organization_id AND d.id = k.directory_id
WHERE k.expire_time <> 0 AND k.revoke_time = 0 AND k.expire_time > :expired AND k.expire_time <= :early
  AND k.replaced_by_id = '' AND d.delete_time = 0
UNION ALL
SELECT 'service_credential',
  count(*) FILTER (WHERE expire_time <= :now),
  count(*) FILTER (WHERE expire_time > :now AND expire_time <= :late),
  count(*) FILTER (WHERE expire_time > :now)
FROM service_credentials
WHERE expire_time <> 0 AND revoke_time = 0 AND expire_time > :expired AND expire_time <= :early
  AND replaced_by_id = '';
