UPDATE expansions
SET page_token = :page_token, done = :done,
  started = CASE started
    WHEN 0 THEN (SELECT max(newest) FROM expansions WHERE organization_id = :organization_id)
    ELSE started
  END
WHERE organization_id = :organization_id AND group_id = :group_id AND id = :id;
