import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";

type Group = Schemas["Group"];

/** How many groups are asked for those above them. */
const most = 20;

/** How many groups above one group are read. */
const each = 100;

interface Above {
  /** The groups, the nearest first. */
  groups: Group[];
  /** Whether there can be more. */
  more: boolean;
}

/** Reads the groups that contain a group, directly or through other groups, as far as a few requests reach. */
export function useGroupsAbove(organizationId: string, groupId: string, enabled: boolean) {
  return useLive(
    ["groupsAbove", organizationId, groupId],
    () => readAbove(organizationId, groupId),
    4 * sometimes,
    enabled,
  );
}

async function readAbove(organizationId: string, groupId: string): Promise<Above> {
  const found = new Map<string, Group>();
  const next = [groupId];
  let more = false;
  for (let asked = 0; asked < most && next.length > 0; asked++) {
    const { groups, nextPageToken } = await answer(
      api.GET("/api/v1/organizations/{organizationId}/groups/{groupId}/nestedGroups", {
        params: {
          path: { organizationId, groupId: next.shift() ?? "" },
          query: { nesting: "NESTING_CONTAINERS", pageSize: each },
        },
      }),
    );
    more ||= nextPageToken !== "";
    for (const group of groups) {
      if (group.id !== groupId && !found.has(group.id)) {
        found.set(group.id, group);
        next.push(group.id);
      }
    }
  }
  return { groups: [...found.values()], more: more || next.length > 0 };
}
