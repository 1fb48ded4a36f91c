import { count, isolated, number } from "./shell";

export const organizations = {
  title: "Organizations",
  situation: (n: number, more: boolean, troubled: number) => {
    if (n === 0) {
      return "There is no organization yet.";
    }
    const state = troubled === 0 ? "" : ` Look at ${number(troubled)} of them.`;
    return `${more ? "More than " : ""}${count(n, "organization")}.${state}`;
  },
  emptyTitle: "No organization yet",
  empty: "An organization is a customer of yours. Its identity providers send users and groups to its directories.",
  caption: "Organizations, by id",
  columns: { name: "Organization", state: "State", size: "Size", access: "Access" },
  federated: "Federated",
  notFederated: "Not federated",
  erasing: "Being erased",
  size: (users: number, groups: number) => `${count(users, "user")}, ${count(groups, "group")}`,
  current: "up to date",
  behind: (age: string) => `behind by ${age}`,
  setAside: (n: number) => `${count(n, "user")} set aside`,
  waiting: (n: number) => (n === 1 ? "1 rule waits for a sync" : `${number(n)} rules wait for a sync`),
  syncing: "a rule sync runs",
  unknown: "not known now",
  settings: "Settings",
  settingsOf: (name: string) => `Settings of ${isolated(name)}`,
  create: "Create an organization",
  id: "Id",
  idHelp:
    "It stands in addresses, on the command line and in log lines. 1 to 63 characters: a-z, 0-9 and inner hyphens. It cannot change later.",
  name: "Name",
  nameHelp: "For people. Without one, it is the id.",
  federate: "It may use SCIM",
  federateHelp:
    "Its users sign in through the identity provider of the organization. Without this, its directories refuse every message.",
  version: "Version of this Usher:",
};

export const roles = {
  title: "Roles",
  situation: (n: number) => `${count(n, "role")}. All organizations share this catalogue.`,
  caption: "Roles, by scope and rank",
  columns: { name: "Name", id: "Id", scope: "Users hold it", rank: "Rank" },
  actions: "Actions",
  scopes: {
    ROLE_SCOPE_TENANT: "in a tenant",
    ROLE_SCOPE_ORGANIZATION: "in the whole organization",
  } as Record<string, string>,
  create: "Create a role",
  id: "Id",
  idHelp: "Your product asks for it. 1 to 63 characters: a-z, 0-9 and inner hyphens. It cannot change later.",
  name: "Name",
  nameHelp: "For people. Without one, it is the id.",
  scope: "Users hold it",
  rank: "Rank",
  rankHelp: "A role with a higher rank may do more. 0 to 1,000,000.",
  remove: "Delete",
  removeOf: (name: string) => `Delete: ${isolated(name)}`,
  removeTitle: "Delete this role",
  removeText: (name: string) =>
    `The role ${isolated(name)} is gone from the catalogue of all organizations. Usher refuses this while a rule or somebody's access names it.`,
  removeAction: "Delete the role",
};

export const signIns = {
  title: "Sign-ins",
  situation: (blocked: number, more: boolean) =>
    blocked === 0
      ? "Nobody is blocked."
      : `${more ? "More than " : ""}${count(blocked, "person is", "people are")} blocked.`,
  blockedTitle: "Blocked people",
  noneBlocked: "Nobody is blocked.",
  blocked: "They cannot sign in, and no gateway accepts an access token of theirs.",
  caption: "Blocked people",
  columns: { provider: "Identity provider", subject: "Subject", blocked: "Blocked" },
  actions: "Actions",
  by: "by",
  block: "Block a person",
  blockText:
    "All sessions of this person end, and Usher refuses new ones and access tokens. It does not change the roles of a user: suspend the user's access for that.",
  provider: "Identity provider",
  providerHelp: "The name in the settings of Usher, such as staff.",
  subject: "Subject",
  subjectHelp: "The id of the person at this identity provider. A list of sessions shows it.",
  blockAction: "Block the person",
  blockOf: (who: string) => `Block ${isolated(who)}`,
  blockShort: "Block",
  unblock: "Unblock",
  unblockOf: (who: string) => `Unblock ${isolated(who)}`,
  unblockTitle: "Unblock this person",
  unblockText: (who: string) => `${isolated(who)} can sign in again. The sessions that ended stay ended.`,
  unblockAction: "Unblock the person",
  organization: "Organization",
  sessions: "Sessions of the operator and of all organizations, newest first.",
};
