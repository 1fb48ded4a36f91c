UPDATE organizations
SET as_of = max(as_of, :as_of), behind = :behind
WHERE organization_id = :organization_id;
