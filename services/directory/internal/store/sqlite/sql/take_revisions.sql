-- There is one writer, so revisions are committed in their order.
UPDATE revision
SET newest = newest + :count
RETURNING newest;
