-- Finds the tables that have rows of an organization.
SELECT EXISTS (SELECT 1 FROM holders WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM set_aside WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM suspensions WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM requeued WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM expansions WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM rule_grants WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM rule_pins WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM rules WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM tenants WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM syncs WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM reports WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM closed_directories WHERE organization_id = :organization_id),
  EXISTS (SELECT 1 FROM requests WHERE organization_id = :organization_id);
