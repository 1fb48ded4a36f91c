SELECT t.organization_id, t.resource_group, sum(t.total)
FROM json_each(:organization_ids) o
CROSS JOIN totals t ON t.organization_id = o.value
GROUP BY t.organization_id, t.resource_group;
