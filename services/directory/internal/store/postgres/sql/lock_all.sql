-- Who has this row has what belongs to no organization.
SELECT only_row
FROM meta
FOR UPDATE;
