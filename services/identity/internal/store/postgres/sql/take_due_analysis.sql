UPDATE folded
SET analyzed = records
WHERE records - analyzed >= greatest(:least, analyzed) AND analyzed < :most
RETURNING records;
