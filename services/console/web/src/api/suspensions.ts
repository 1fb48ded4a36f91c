import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";
import { walk } from "./pages";
import { useMay } from "./session";

/**
 * Reads the suspension of a user: null if there is none, undefined while it is not known. Only the rule service has to answer, and the user
 * need not exist.
 */
export function useSuspension(organizationId: string, userId: string) {
  const { data, error } = useLive(
    ["suspensions", organizationId, userId],
    () => readSuspension(organizationId, userId),
    sometimes,
    useMay("READ_ACCESS", "GRANT_ACCESS"),
  );
  return { suspension: data?.found ?? (data?.whole ? null : undefined), error };
}

/**
 * Reads the ids of the users whose access is suspended: the first 20,000, in the order of their ids.
 */
export function useSuspended(organizationId: string): Set<string> {
  const { data } = useLive(
    ["suspensions", organizationId, "all"],
    () => walk((pageToken) => readSuspensions(organizationId, 1000, pageToken)),
    4 * sometimes,
    useMay("READ_ACCESS", "GRANT_ACCESS"),
  );
  return new Set(data?.pages.flatMap((page) => page.suspensions.map((one) => one.userId)));
}

/** Reads a page of the suspensions of an organization. */
export function readSuspensions(organizationId: string, pageSize: number, pageToken: string) {
  return answer(
    api.GET("/api/v1/organizations/{organizationId}/suspensions", {
      params: { path: { organizationId }, query: { pageSize, pageToken } },
    }),
  );
}

/** Reads as far as the user: the list is in the order of the users. */
async function readSuspension(organizationId: string, userId: string) {
  const reached = ({ suspensions }: Schemas["ListSuspensionsResponse"]) => (suspensions.at(-1)?.userId ?? "") >= userId;
  const { pages, more } = await walk((pageToken) => readSuspensions(organizationId, 1000, pageToken), reached);
  const found = pages.flatMap((page) => page.suspensions).find((one) => one.userId === userId);
  return { found, whole: !more || pages.some(reached) };
}
