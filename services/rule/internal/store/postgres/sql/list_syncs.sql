SELECT organization_id, id, state, page_token, after_user, users_done, access_added, access_removed, users_set_aside,
  set_aside_ids, users_total, pace_users, pace_micros, started_by, traceparent, create_time, update_time, end_time
FROM syncs
WHERE organization_id = :organization_id AND (:before = '' OR id < :before)
ORDER BY id DESC
LIMIT :limit;
