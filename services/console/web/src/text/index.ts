// The catalogue of all text that people read: one file for each area.
import { access } from "./access";
import { directory } from "./directory";
import { events } from "./events";
import { groups } from "./groups";
import { organizations, roles, signIns } from "./operator";
import { overview } from "./overview";
import { rules } from "./rules";
import { settings } from "./settings";
import { setUp } from "./setUp";
import { shell } from "./shell";
import { syncs } from "./syncs";
import { users } from "./users";

export const text = {
  ...shell,
  access,
  overview,
  setUp,
  directory,
  events,
  groups,
  organizations,
  roles,
  rules,
  settings,
  signIns,
  syncs,
  users,
};
