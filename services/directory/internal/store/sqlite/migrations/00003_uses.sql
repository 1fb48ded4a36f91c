-- +goose Up
-- An older binary would ignore the address ranges of a credential.
ALTER TABLE service_credentials ADD COLUMN address_ranges TEXT NOT NULL DEFAULT ''; -- separated by spaces; '' for any address
UPDATE meta SET least_migration = 3;
