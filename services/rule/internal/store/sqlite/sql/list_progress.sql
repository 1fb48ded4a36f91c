SELECT o.organization_id, o.checkpoint, o.as_of, o.behind, o.erasing > 0
FROM json_each(:organization_ids) j
CROSS JOIN organizations o ON o.organization_id = j.value;
