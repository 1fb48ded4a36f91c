SELECT epoch
FROM meta;
