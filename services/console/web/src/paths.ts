// The addresses of the pages.
const of = (organization: string) => `/organizations/${encodeURIComponent(organization)}`;

export const paths = {
  organizations: "/organizations",
  overview: of,
  /** The new directory replaces one, if its id is given. */
  newDirectory: (organization: string, replaces = "") =>
    `${of(organization)}/directories/new${replaces && `?replaces=${replaces}`}`,
  directory: (organization: string, directory: string, tab = "") =>
    `${of(organization)}/directories/${encodeURIComponent(directory)}${tab && `?tab=${tab}`}`,
  setUp: (organization: string, directory: string) =>
    `${of(organization)}/directories/${encodeURIComponent(directory)}/set-up`,
  failedEvents: (organization: string, filter: Record<string, string> = {}) => {
    const query = new URLSearchParams(filter).toString();
    return `${of(organization)}/failed-events${query && `?${query}`}`;
  },
};
