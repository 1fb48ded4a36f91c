DELETE FROM changes
WHERE sequence <= :last;
