import { count, isolated, number } from "./shell";

/** What is said of access on several pages. */
export const access = {
  grant: (role: string, where: string) => `${isolated(role)} in ${isolated(where)}`,
  wholeOrganization: "the whole organization",
  role: "Role",
  tenant: "Tenant",
  chooseRole: "Choose a role",
  chooseTenant: "Choose a tenant",
  noTenant: "The organization has no tenant yet. The operator of Usher creates tenants.",

  // The state of one access, and where it comes from.
  counts: "Counts",
  countsNot: "Does not count",
  kept: "Counts, though inactive",
  unknown: "Cannot be computed now",
  suspended: "Suspended",
  rule: (name: string) => `Rule ${isolated(name)}`,
  aRule: "A rule",
  goneRule: "A rule that is deleted",
  manual: (by: string) => `Granted by ${isolated(by)}`,
  keep: "also while inactive (keep)",
  retained: "not any more, but kept for the last admin",
  since: "since",
  moreSources: (n: string) => `and ${n} more`,
  who: "Who has access",
  whoHas: (name: string) => `Who has access: ${isolated(name)}`,

  title: "Access",
  situation: "Who holds which role, and why: by rules, and by hand.",
  emptyTitle: "Nobody holds a role yet",
  empty: "Roles come from rules, or from somebody who grants them by hand on the page of a user.",
  goToRules: "Go to the rules",
  none: "Nobody holds this.",
  noneYet: (n: number) => `None among the first ${number(n)} that were looked at. There are more.`,
  lookedAt: (found: number, n: number) => `${number(found)} of the first ${count(n, "line")} looked at.`,
  caption: "Access, by user",
  columns: { user: "User", role: "Role", tenant: "Tenant", source: "Source", state: "Now" },
  allRoles: "All roles",
  allTenants: "All tenants",
  source: "Source",
  sources: {
    "": "All sources",
    rule: "A rule",
    manual: "By hand",
    kept: "Kept: also while inactive, or for the last admin",
    gone: "A rule that is deleted",
  },
  mayNot:
    "Your account does not show who holds which role. An admin of your organization can give you this permission.",
  noPeople: "Your account does not show who people are, so this list shows ids.",
};
