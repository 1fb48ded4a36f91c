import { count, isolated } from "./shell";

export const users = {
  title: "Users",
  oneTitle: "A user",
  situation:
    "The users that the identity providers have sent. Find somebody by the beginning of a name or an e-mail address.",
  find: "Find a user",
  findHelp: "The beginning of the user name, of the displayed name, or of an e-mail address",
  state: "Show",
  states: {
    "": "All users",
    USER_STATE_ACTIVE: "Active",
    USER_STATE_INACTIVE: "Inactive",
    USER_STATE_DETACHED: "Detached",
  } as Record<string, string>,
  emptyTitle: "No user yet",
  empty:
    "Users appear here when an identity provider sends them. Set up a directory, and assign users to the application at the identity provider.",
  none: "No user begins with this text.",
  noneYet: "None among the users that Usher has looked at until now. There are more.",
  caption: "Users",
  columns: { name: "User name", displayName: "Name", email: "E-mail", directory: "Directory", state: "State" },
  active: "Active",
  inactive: "Inactive",
  detached: "Detached",
  tabsLabel: "About this user",
  tabs: { access: "Access", groups: "Groups", changes: "Changes", data: "Data", manage: "Manage" },
  badge: {
    rules: "Access by rules",
    manual: "Access by hand",
    both: "Access by rules and by hand",
    none: "No access",
  },
  situationOf: {
    active: "Active: the access below counts.",
    inactive: "Inactive: no access counts, except a grant that was marked to be kept.",
    detached:
      "Detached: the directory is deleted, so no identity provider and no rule changes this user. You manage the user by hand.",
    suspended: "Suspended: somebody has taken all access away. It counts again when it is resumed.",
    unknown: "Usher cannot compute the access of this user now. It tries again by itself.",
  },
  suspend: "Suspend all access",
  suspendTitle: "Suspend all access?",
  suspendText: (name: string) =>
    `${isolated(name)} loses all access at once, whatever its source, until somebody resumes it. Rules, rule syncs and messages of the identity provider do not end the suspension.`,
  suspendReason: "Reason, for those who read it later",
  resume: "Resume access",
  resumeTitle: "Resume access?",
  resumeText: (name: string) =>
    `${isolated(name)} again holds the access that rules give and that was granted by hand.`,
  suspendedBy: (who: string) => `By ${isolated(who)}`,
  accessTitle: "Access",
  accessNone: "This user holds no role.",
  accessCaption: "Access of this user",
  accessColumns: { access: "Access", counts: "Counts now", why: "Why", action: "Change" },
  moreReasons: (n: number) => `Show ${count(n, "more reason")}`,
  counts: "Yes",
  countsKept: "Yes, although the user is inactive",
  countsNot: "No",
  grant: "Grant a role by hand",
  grantText:
    "Access by hand stays until somebody revokes it. It does not count while the user is inactive. Prefer a rule where many users need the role.",
  keep: "Keep it while the user is inactive",
  keepHelp:
    "The identity provider then cannot take the administration away by mistake. Only the operator of Usher can revoke it.",
  revoke: "Revoke",
  revokeTitle: "Revoke this access?",
  revokeText: (access: string, rules: boolean) =>
    rules
      ? `The grant by hand of ${access} ends. A rule gives the same role, so the user keeps it.`
      : `The user loses ${access} at once.`,
  revokeName: (access: string) => `Revoke: ${access}`,
  reason: {
    rule: "Rule",
    group: (group: string) => `because of the group ${isolated(group)}`,
    through: (groups: string) => `through ${groups}`,
    roleValue: (value: string) => `because of the role value ${isolated(value)}`,
    filter: (filter: string) => `because this filter matches: ${isolated(filter)}`,
    filterHidden: "because a filter matches, which you may not read",
    because: {
      still:
        "which was changed and does not give it any more: it stays until the next message about the user, or until a rule sync",
      stillDeleted: "which gave it: it stays until the next message about the user, or until a rule sync",
      detached: "which gave it before the directory was deleted, and nobody has taken it away since",
      retained: "which does not give it any more; Usher keeps it, because this is the last Organization Admin",
      aside: "which gave it before; Usher cannot compute now whether it still does",
      follows: "and Usher has not processed all changes of the identity provider yet: access follows",
      unknown: "for a reason that is not known now",
      loading: "and the reason is being loaded",
      failed: "and the reason could not be loaded",
      matches: "",
    },
    aRule: "A rule",
    deleted: "A deleted rule",
    manual: (who: string) => `Granted by hand by ${isolated(who)}`,
    keep: "it is kept while the user is inactive",
    since: "since",
  },
  whyTitle: "Why does this user not have a role?",
  whyText: "Choose a role. You see what each rule that gives it says about this user.",
  whyChoose: "Choose a role above.",
  whyNoRule: "No rule gives this role here.",
  whyAddRule: "Add a rule",
  whyCaption: "What the rules say about this user",
  whyColumns: { rule: "Rule", answer: "Gives it?", why: "Why" },
  answers: { yes: "Yes", notYet: "Not yet", still: "Still", no: "No", unknown: "Unknown" },
  stillDeleted: "The rule is deleted. It stays until the next message about this user, or until a rule sync.",
  stillDetached: "The rule gave it before the directory was deleted. Rules do not change detached users, so it stays.",
  why: {
    FINDING_GIVES: () => "The user matches the rule.",
    FINDING_WAITS_FOR_SYNC: () =>
      "The user matches the rule. The rule was changed, and the change waits: start a rule sync, or wait for the next message about this user.",
    FINDING_STILL_GIVES: () =>
      "The rule does not give it any more. It stays until the next message about this user, or until a rule sync.",
    FINDING_DISABLED: () => "The rule is disabled. Enable it, and start a rule sync.",
    FINDING_NO_GROUP: (group: string) => `The directory of this user has no group ${isolated(group)}.`,
    FINDING_GROUP_DELETED: (group: string) =>
      `The identity provider has deleted the group ${isolated(group)}. The rule waits for a new group with this name.`,
    FINDING_NOT_IN_GROUP: (group: string) =>
      `The user is not in the group ${isolated(group)}, neither directly nor through another group. Add the user to the group at the identity provider.`,
    FINDING_NO_ROLE_VALUE: (value: string) =>
      `The identity provider has not sent the role value ${isolated(value)} for this user. Assign it there.`,
    FINDING_FILTER_DOES_NOT_MATCH: (filter: string) =>
      filter
        ? `The filter does not match the user: ${isolated(filter)}`
        : "The filter, which you may not read, does not match the user.",
    FINDING_USER_INACTIVE: () =>
      "The user is inactive, and rules give nothing to inactive users. Activate the user at the identity provider.",
    FINDING_USER_DETACHED: () =>
      "The user is detached, and rules do not change detached users. Grant the role by hand.",
    FINDING_UNKNOWN: () => "Usher cannot compute the access of this user now. It tries again by itself.",
    FINDING_ACCESS_FOLLOWS: () =>
      "Usher has not processed all changes of the identity provider yet. Access follows in a moment.",
  } as Record<string, (what: string) => string>,
  whyUnknown: "The reason is not known now.",
  openGroup: "Open the group",
  groupsNone: "This user is in no group.",
  groupsText: "With the groups in which the user is through another group.",
  groupsCaption: "Groups of this user",
  groupsColumns: { group: "Group", how: "How", directory: "Directory" },
  directly: "directly",
  through: (groups: string) => `through ${groups}`,
  arrow: " → ",
  carried: "Not confirmed since the directory was replaced",
  changesNone: "No change of this user's access, or Usher does not keep the records any more.",
  changesCaption: "Changes of this user's access, newest first",
  changesColumns: { time: "Time", change: "Change", access: "Access", cause: "Cause" },
  gained: "Gained",
  lost: "Lost",
  byMessage: "Message",
  bySync: "A rule sync",
  byHand: "A change by hand",
  facts: {
    userName: "User name",
    displayName: "Name",
    email: "E-mail",
    externalId: "External id",
    id: "Id in Usher",
    directory: "Directory",
    create: "First sent",
    update: "Last changed",
    roleValues: "Role values",
  },
  documentTitle: "As the identity provider sent it",
  documentText: "The SCIM document that Usher stores, without the groups.",
  manageTitle: "Change the user",
  manageText:
    "No identity provider manages this user any more. A directory that adopts the user replaces these values with its own.",
  isActive: "Active",
  isActiveHelp: "An inactive user has no access.",
  saved: "Saved. Access follows in a moment.",
  nameMissing: "Enter a user name.",
  eraseTitle: "Erase the user",
  eraseText:
    "The user, the memberships and all access, also access by hand, are deleted for good. Nobody can undo it. Records of changes keep the id of the user, and no name.",
  noPeople: "Your account does not show who people are.",
};
