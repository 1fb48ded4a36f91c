import type { Provider } from "./setUp";
import { count, isolated, number } from "./shell";

/** How a group is sent, at identity providers whose way is known. */
const ways: Partial<Record<Provider, string>> = {
  okta: "At Okta, push the group with Group Push. To assign the group sends only its users.",
  "entra-id": "At Entra ID, assign the group to the application, and enable the mapping for groups.",
  jumpcloud: "At JumpCloud, associate the group with the application.",
  ping: "At Ping Identity, select the group in the rule of the provisioning.",
};

export const rules = {
  title: "Rules",
  situation: (all: number, wrong: number | undefined, since: string) => {
    if (all === 0) {
      return "No rule yet: nobody gets a role by a rule.";
    }
    const state =
      wrong === undefined ? "" : wrong === 0 ? " None has a problem." : ` Look at ${number(wrong)} of them.`;
    return `${count(all, "rule")}.${state}${since && ` Changes wait for a rule sync since ${since}.`}`;
  },
  sync: "Go to the rule syncs",
  add: "Add a rule",
  emptyTitle: "Decide who gets which role",
  empty:
    "A rule says which users get which roles in which tenants: the members of a group, the users with a role value, or the users that a filter matches. Usher applies a new rule to a user with the next message about this user, and to all users when a rule sync runs.",
  emptyViewer: "An admin of your organization can add rules.",
  defaults: "Add the five default rules",
  someDefaults: "Add the default rules",
  defaultsMissing: "Add the default rules that are missing",
  defaultsText:
    "The identity provider sends a group for each role. The members of each group get the role of its name, in one tenant. You can change each rule later.",
  defaultsTenant: "In this tenant",
  defaultsColumns: { group: "Group", role: "Role" },
  defaultsCaption: "The default rules",
  find: "Find a rule",
  findHelp: "A part of the name, of the group or value, or of the role",
  show: "Show",
  showAll: "All rules",
  showWrong: "Rules with a problem",
  none: "No rule matches the search.",
  caption: "Rules",
  columns: {
    rule: "Rule",
    who: "Users",
    gives: "Get",
    now: "Matches now",
    problems: "Problems",
  },
  disabled: "Disabled",
  match: {
    group: (name: string) => `in the group ${isolated(name)}`,
    roleValue: (value: string) => `with the role value ${isolated(value)}`,
    filter: (filter: string) => `that match ${isolated(filter)}`,
    hidden: "that match a filter, which you may not read",
  },
  moreGrants: (n: number) => `and ${number(n)} more`,
  users: (n: number, atLeast: boolean) => (atLeast ? `${number(n)}+ users` : count(n, "user")),
  usersLookedAt: (n: number, of: number) => `${number(n)} of the first ${count(of, "user")} looked at`,
  counted: "counted",
  counting: "counting",
  notCounted: "cannot be counted now",
  problem: {
    RULE_PROBLEM_KIND_GROUP_NOT_SEEN: "No directory has sent its group",
    RULE_PROBLEM_KIND_GROUP_DELETED: "Its group was deleted",
    RULE_PROBLEM_KIND_DUPLICATE: "Same as another rule",
    RULE_PROBLEM_KIND_WAITS_FOR_SYNC: "Waits for a rule sync",
  } as Record<string, string>,
  problemHelp: {
    RULE_PROBLEM_KIND_GROUP_NOT_SEEN: "The identity provider has not sent a group with this name.",
    RULE_PROBLEM_KIND_GROUP_DELETED:
      "The identity provider has deleted the group, so the rule gives nothing there. The rule waits for a new group with the same name, and takes it.",
    RULE_PROBLEM_KIND_DUPLICATE: "The other rule gives the same roles to the same users. Delete one of the two.",
    RULE_PROBLEM_KIND_WAITS_FOR_SYNC:
      "The rule was changed. The change applies to a user with the next message about this user, and to all users when a rule sync runs.",
  } as Record<string, string>,
  sendGroup: (provider: Provider | undefined) =>
    `${
      (provider && ways[provider]) ??
      "Make the identity provider send the group (Okta: push it with Group Push; Entra ID: assign it to the application)."
    } Or correct the name in the rule.`,
  otherRule: "Open the other rule",
  since: "since",
  inDirectory: "Directory:",
  newTitle: "Add a rule",
  newSituation:
    "A new rule gives nothing by itself. It applies with the next message about a user, or to all users when a rule sync runs.",
  name: "Name of the rule",
  nameHelp: "Without a name, Usher makes one.",
  nameMissing: "Enter a name.",
  asSaved: "As saved, without your changes:",
  asSavedProblems: "Problems of the rule as it is saved, without your changes:",
  similar: {
    title: "Did you mean",
    take: "Use this group",
    takeOf: (group: string) => `Use this group: ${isolated(group)}`,
    correct: "Correct the rule",
    joined: "The user is in it",
  },
  savedAs: { saved: "Saved.", added: "Added.", enabled: "Enabled.", disabled: "Disabled." },
  waits: {
    saved: "Nobody has it yet: the change waits for a rule sync.",
    added: "Nobody has it yet: the rule waits for a rule sync.",
    enabled: "Nobody has it yet: the rule waits for a rule sync.",
    disabled: "Users keep what it gave until a rule sync runs.",
  },
  applied: {
    runs: "A rule sync runs that began before this change. Start another one when it ends.",
    applies: "A rule sync applies it now.",
    applied: "A rule sync has applied it to all users.",
    nothing: "It changes nobody's access.",
  },
  applyNow: "Apply now",
  withoutSync: "Without a rule sync, it applies to each user with the next message about this user.",
  who: "Which users?",
  kinds: {
    group: "The members of a group",
    roleValue: "Users with a role value",
    filter: "Users that a filter matches",
  },
  kindHelp: {
    group: "Directly or through other groups. This is what most organizations need.",
    roleValue: "The identity provider sends the attribute roles, such as the app roles of Entra ID.",
    filter: 'A SCIM filter on attributes of the user, such as: userType eq "Employee"',
  },
  group: "Name of the group",
  groupHelp:
    "The first groups whose names begin so are in the list. You can also enter the name of a group that the identity provider will send later.",
  roleValue: "Role value",
  roleValueHelp:
    "The values that the identity provider has sent are in the list. Upper and lower case make a difference.",
  filter: "Filter",
  filterHelp:
    "Compare an attribute with eq, ne, co, sw, ew, gt, ge, lt, le or pr, and join comparisons with and, or and not.",
  missing: "This is missing.",
  filterPosition: "The error is here:",
  filterEnd: "The error is at the end.",
  preview: {
    title: "Whom it would match now",
    titleStored: "Whom it matches now",
    none: "Nobody.",
    examples: "Such as:",
    inactive:
      "Inactive and detached users count here, too, and rules give them nothing. So fewer users than this can get the roles.",
    noGroup: "No directory has sent a group with this name yet. The rule waits for it.",
    empty: "Choose the users first.",
  },
  gives: "Which roles do they get?",
  addGrant: "Add another role",
  removeGrant: (grant: string) => `Remove: ${grant}`,
  grantMissing: "Choose a role, and a tenant if the role needs one.",
  grantTwice: "This role is in the list twice.",
  create: "Add the rule",
  createDisabled: "Add it disabled: it gives nothing until somebody enables it.",
  ruleSituation: (enabled: boolean, problems: number) =>
    enabled
      ? problems === 0
        ? "Enabled."
        : `Enabled, with ${count(problems, "problem")}.`
      : "Disabled: it gives nothing.",
  matchesUnknown: "Whom it matches cannot be counted now.",
  matchesNow: (users: string) => `Matches ${users}`,
  enable: "Enable",
  disable: "Disable",
  pinsTitle: "The groups that it follows",
  pinsText:
    "The rule follows one group in each directory, also when the identity provider gives the group another name.",
  pinsCaption: "Groups of the rule",
  pinsColumns: { directory: "Directory", group: "Group", state: "State", since: "Since" },
  pinned: "Follows it",
  waiting: "Deleted: waits for a new group",
  noPins: "No directory has sent a group with this name yet.",
  deleteTitle: "Delete the rule",
  deleteText:
    "Users keep the access that this rule gave until the next message about each of them, or until a rule sync runs.",
  problemsTitle: "Problems",
};
