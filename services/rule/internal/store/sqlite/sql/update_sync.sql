UPDATE syncs
SET state = :state, page_token = :page_token, after_user = :after_user, users_done = :users_done,
  access_added = :access_added, access_removed = :access_removed, users_set_aside = :users_set_aside,
  set_aside_ids = :set_aside_ids, users_total = :users_total, pace_users = :pace_users, pace_micros = :pace_micros,
  update_time = :update_time, end_time = :end_time
WHERE organization_id = :organization_id AND id = :id;
