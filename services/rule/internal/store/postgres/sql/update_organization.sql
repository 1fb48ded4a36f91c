UPDATE organizations
SET commits = commits + 1, generation = :generation, checkpoint = :checkpoint, owner_expire_time = :owner_expire_time,
  recovering = :recovering, recovery_token = :recovery_token, recovery_after = :recovery_after, as_of = :as_of,
  behind = :behind, when_unknown = :when_unknown, owner_id = :owner_id, owner_token = :owner_token, erasing = :erasing
WHERE organization_id = :organization_id;
