import { isolated } from "./shell";

/** What is said of access on several pages. */
export const access = {
  grant: (role: string, where: string) => `${isolated(role)} in ${isolated(where)}`,
  wholeOrganization: "the whole organization",
  role: "Role",
  tenant: "Tenant",
  chooseRole: "Choose a role",
  chooseTenant: "Choose a tenant",
  noTenant: "The organization has no tenant yet. The operator of Usher creates tenants.",
};
