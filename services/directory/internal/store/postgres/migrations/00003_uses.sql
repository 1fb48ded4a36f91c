-- +goose Up
-- An older binary would ignore the address ranges of a credential.
ALTER TABLE service_credentials ADD COLUMN address_ranges text NOT NULL DEFAULT ''; -- separated by spaces; '' for any address
ALTER TABLE service_credentials ADD COLUMN replaced_by_id text NOT NULL DEFAULT ''; -- '' until it is rotated
ALTER TABLE keys ADD COLUMN replaced_by_id text NOT NULL DEFAULT '';
UPDATE meta SET least_migration = 3;
