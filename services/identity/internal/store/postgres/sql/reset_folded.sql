UPDATE folded
SET transaction = 0, everywhere = 0;
