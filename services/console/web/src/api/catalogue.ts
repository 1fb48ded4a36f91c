import { useQuery } from "@tanstack/react-query";
import { text } from "../text";
import { answer, api, type Schemas } from "./client";
import { walk } from "./pages";

export type Grant = Pick<Schemas["Grant"], "tenantId" | "roleId">;

/** The roles and tenants that access is about. */
export interface Catalogue {
  /** By scope, then by rank. */
  roles: Schemas["Role"][];
  tenants: Schemas["Tenant"][];
  /** Return a name, or the id of a role or tenant without one. */
  roleName: (id: string) => string;
  tenantName: (id: string) => string;
  /** Returns a grant in words, such as "Designer in Production". A role or tenant without a name has its id. */
  inWords: (grant: Grant) => string;
}

/** Reads the roles of the product and the tenants of an organization. Until they are there, words contain ids. */
export function useCatalogue(organizationId: string): Catalogue {
  const roles = useQuery({
    queryKey: ["roles"],
    queryFn: () => answer(api.GET("/api/v1/roles")),
    staleTime: 60_000,
  }).data?.roles;
  const tenants = useQuery({
    queryKey: ["tenants", organizationId, "all"],
    queryFn: () =>
      walk((pageToken) =>
        answer(
          api.GET("/api/v1/organizations/{organizationId}/tenants", {
            params: { path: { organizationId }, query: { pageSize: 1000, pageToken } },
          }),
        ),
      ),
    staleTime: 60_000,
  }).data?.pages.flatMap((page) => page.tenants);
  const roleName = (id: string) => roles?.find((role) => role.id === id)?.displayName || id;
  const tenantName = (id: string) => tenants?.find((tenant) => tenant.id === id)?.displayName || id;
  return {
    roles: roles ?? [],
    tenants: tenants ?? [],
    roleName,
    tenantName,
    inWords: ({ tenantId, roleId }) =>
      text.access.grant(roleName(roleId), tenantId ? tenantName(tenantId) : text.access.wholeOrganization),
  };
}
