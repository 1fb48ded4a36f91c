-- They are committed in their order: there is one writer.
UPDATE revision
SET newest = newest + :count
RETURNING newest;
