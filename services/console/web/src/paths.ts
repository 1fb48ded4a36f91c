// The addresses of the pages.
const of = (organization: string) => `/organizations/${encodeURIComponent(organization)}`;

/** Returns the id of a section of a guide from its heading. An id must contain no space. */
export const sectionId = (heading: string) => heading.replaceAll(" ", "-");

export const paths = {
  organizations: "/organizations",
  /** The catalogue of roles, and who has signed in: the operator's. */
  roles: "/roles",
  signIns: "/sign-ins",
  overview: of,
  /** The organization's own settings. */
  settings: (organization: string, tab = "") => `${of(organization)}/settings${tab && `?tab=${tab}`}`,
  /** The new directory replaces one, if its id is given. */
  newDirectory: (organization: string, replaces = "") =>
    `${of(organization)}/directories/new${replaces && `?replaces=${replaces}`}`,
  directory: (organization: string, directory: string, tab = "") =>
    `${of(organization)}/directories/${encodeURIComponent(directory)}${tab && `?tab=${tab}`}`,
  /** It can open a section of the guide, by the heading. */
  setUp: (organization: string, directory: string, section = "") =>
    `${of(organization)}/directories/${encodeURIComponent(directory)}/set-up${section && `#${sectionId(section)}`}`,
  failedEvents: (organization: string, filter: Record<string, string> = {}) => {
    const query = new URLSearchParams(filter).toString();
    return `${of(organization)}/failed-events${query && `?${query}`}`;
  },
  /** Who holds which role; the filter is a part of the address. */
  access: (organization: string, filter: Record<string, string> = {}) => {
    const query = new URLSearchParams(filter).toString();
    return `${of(organization)}/access${query && `?${query}`}`;
  },
  rules: (organization: string, show: "" | "problems" = "") => `${of(organization)}/rules${show && `?show=${show}`}`,
  newRule: (organization: string) => `${of(organization)}/rules/new`,
  /** The form of the rule has the name of the group filled in, if it is given. */
  rule: (organization: string, rule: string, group = "") =>
    `${of(organization)}/rules/${rule}${group && `?group=${encodeURIComponent(group)}`}`,
  syncs: (organization: string) => `${of(organization)}/syncs`,
  sync: (organization: string, sync: string) => `${of(organization)}/syncs/${sync}`,
  users: (organization: string) => `${of(organization)}/users`,
  user: (organization: string, user: string, tab = "") => `${of(organization)}/users/${user}${tab && `?tab=${tab}`}`,
  groups: (organization: string, tab = "") => `${of(organization)}/groups${tab && `?tab=${tab}`}`,
  group: (organization: string, group: string) => `${of(organization)}/groups/${group}`,
};
