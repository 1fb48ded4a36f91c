import { useQuery } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../../api/client";
import { walk } from "../../api/pages";
import { useSession } from "../../api/session";

type Directory = Schemas["Directory"];

/** Returns the directory that replaced a deleted one, null if there is none, or undefined as long as this is not known. */
export function useSuccessor({ organizationId, id, state }: Directory): Directory | null | undefined {
  const { oneDirectory } = useSession();
  const { data } = useQuery({
    queryKey: ["directories", organizationId, "names"],
    queryFn: () =>
      walk((pageToken) =>
        answer(
          api.GET("/api/v1/organizations/{organizationId}/directories", {
            params: { path: { organizationId }, query: { showDeleted: true, pageSize: 1000, pageToken } },
          }),
        ),
      ),
    enabled: state === "DIRECTORY_STATE_DELETED" && !oneDirectory, // a session for one directory may not read others
  });
  return data && (data.pages.flatMap((page) => page.directories).find((d) => d.replacesId === id) ?? null);
}
