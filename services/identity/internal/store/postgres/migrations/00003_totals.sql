-- +goose Up
-- totals gets rows without a directory: the numbers of users and groups of an organization, also of closed directories. An adopted
-- resource counts once. These rows contain the records of the transactions below folded.everywhere; a binary that does not know
-- them folds only the others.
ALTER TABLE folded ADD COLUMN everywhere bigint NOT NULL DEFAULT 0;
