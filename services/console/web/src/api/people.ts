import { useQuery } from "@tanstack/react-query";
import { answer, api, type Schemas } from "./client";

/** The most ids that one request can name. */
const most = 1000;

const unique = (all: string[]) => [...new Set(all)].filter(Boolean).sort().slice(0, most);

/** Reads users by id. A user who does not exist is not in the result. */
async function readUsers(organizationId: string, all: string[]): Promise<Map<string, Schemas["User"]>> {
  const users = new Map<string, Schemas["User"]>();
  for (let ids = unique(all); ids.length > 0; ) {
    const page: Schemas["BatchGetUsersResponse"] = await answer(
      api.POST("/api/v1/organizations/{organizationId}/users:batchGet", {
        params: { path: { organizationId } },
        body: { ids },
      }),
    );
    for (const user of page.users) {
      users.set(user.id, user);
    }
    ids = page.remainingIds.length < ids.length ? page.remainingIds : [];
  }
  return users;
}

/** The names of a user. */
export type Names = Pick<Schemas["User"], "userName" | "displayName">;

/** Reads the names of users by id. A user who does not exist, or whose names the reader may not read, is not in the result. */
export async function readNames(organizationId: string, all: string[]): Promise<Map<string, Names>> {
  return new Map([...(await readUsers(organizationId, all))].filter(([, user]) => user.userName));
}

/** Reads the userNames of users by id, like readNames. */
export async function readUserNames(organizationId: string, all: string[]): Promise<Map<string, string>> {
  return new Map([...(await readNames(organizationId, all))].map(([id, { userName }]) => [id, userName]));
}

/** Reads users by id, for a page that shows ids until they are there. */
export function useUsers(organizationId: string, ids: string[]): Map<string, Schemas["User"]> {
  const wanted = unique(ids);
  const { data } = useQuery({
    queryKey: ["usersById", organizationId, wanted],
    queryFn: () => readUsers(organizationId, wanted),
    enabled: wanted.length > 0,
    staleTime: 60_000,
  });
  return data ?? new Map();
}

/** Reads the displayNames of groups by id. */
export async function readGroupNames(organizationId: string, all: string[]): Promise<Map<string, string>> {
  const ids = unique(all);
  if (ids.length === 0) {
    return new Map();
  }
  const { groups } = await answer(
    api.POST("/api/v1/organizations/{organizationId}/groups:batchGet", {
      params: { path: { organizationId } },
      body: { ids },
    }),
  );
  return new Map(groups.map((group) => [group.id, group.displayName]));
}

/** Reads the userNames of users by id, for a page that shows ids until they are there. */
export function useUserNames(organizationId: string, ids: string[]): Map<string, string> {
  const wanted = unique(ids);
  const { data } = useQuery({
    queryKey: ["userNames", organizationId, wanted],
    queryFn: () => readUserNames(organizationId, wanted),
    enabled: wanted.length > 0,
    staleTime: 60_000,
  });
  return data ?? new Map();
}

/** Reads the displayNames of groups by id, for a page that shows ids until they are there. */
export function useGroupNames(organizationId: string, ids: string[]): Map<string, string> {
  const wanted = unique(ids);
  const { data } = useQuery({
    queryKey: ["groupNames", organizationId, wanted],
    queryFn: () => readGroupNames(organizationId, wanted),
    enabled: wanted.length > 0,
    staleTime: 60_000,
  });
  return data ?? new Map();
}
