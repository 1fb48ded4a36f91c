import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";
import { walk } from "./pages";
import { useMay } from "./session";

/** The key of the list of all directories in the cache. */
export function allDirectoriesKey(organizationId: string) {
  return ["directories", organizationId, "all"];
}

/** Reads an organization's directories, including deleted ones. */
export async function readAllDirectories(organizationId: string): Promise<Schemas["Directory"][]> {
  const { pages } = await walk((pageToken) =>
    answer(
      api.GET("/api/v1/organizations/{organizationId}/directories", {
        params: { path: { organizationId }, query: { showDeleted: true, pageSize: 1000, pageToken } },
      }),
    ),
  );
  return pages.flatMap((page) => page.directories);
}

/** Reads the names of an organization's directories, including deleted ones, by id. */
export function useDirectoryNames(organizationId: string): Map<string, string> {
  const may = useMay("MANAGE_DIRECTORIES", "READ_ACCESS", "READ_EVENTS");
  const { data } = useLive(
    allDirectoriesKey(organizationId),
    () => readAllDirectories(organizationId),
    4 * sometimes,
    may,
  );
  return new Map(data?.map((d) => [d.id, d.displayName ?? d.id]));
}
