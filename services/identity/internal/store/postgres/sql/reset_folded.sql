UPDATE folded
SET transaction = 0;
