-- +goose Up
-- How many users and groups a directory has: to count them took longer than all else of a page. There is one writer, who waits
-- for nobody at this row.
CREATE TABLE totals (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  resource_group  INTEGER NOT NULL, -- 1: it counts groups
  total           INTEGER NOT NULL,
  PRIMARY KEY (organization_id, directory_id, resource_group)
) WITHOUT ROWID;
INSERT INTO totals SELECT organization_id, directory_id, 0, count(*) FROM users GROUP BY organization_id, directory_id;
INSERT INTO totals SELECT organization_id, directory_id, 1, count(*) FROM groups GROUP BY organization_id, directory_id;

-- +goose StatementBegin
CREATE TRIGGER users_come AFTER INSERT ON users BEGIN
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 0, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_go AFTER DELETE ON users BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 0;
END;
-- +goose StatementEnd
-- Who is adopted changes directories.
-- +goose StatementBegin
CREATE TRIGGER users_move AFTER UPDATE OF directory_id ON users WHEN OLD.directory_id <> NEW.directory_id BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 0;
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 0, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_come AFTER INSERT ON groups BEGIN
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 1, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_go AFTER DELETE ON groups BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_move AFTER UPDATE OF directory_id ON groups WHEN OLD.directory_id <> NEW.directory_id BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 1;
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 1, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
