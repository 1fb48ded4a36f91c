import { answer, api, type Schemas } from "./client";
import { walk } from "./pages";

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
