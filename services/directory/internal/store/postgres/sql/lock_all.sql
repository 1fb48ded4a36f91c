-- This row is the lock of everything that belongs to no organization.
SELECT only_row
FROM meta
FOR UPDATE;
