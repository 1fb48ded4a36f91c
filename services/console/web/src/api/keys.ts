import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";
import { useMay } from "./session";

export type Key = Schemas["ApiKey"];

/** The API keys of one directory. */
export const keysPath = "/api/v1/organizations/{organizationId}/directories/{directoryId}/apiKeys";

/** Reads the keys of a directory, without secrets. */
export async function readKeys(organizationId: string, directoryId: string): Promise<Key[]> {
  const { apiKeys } = await answer(api.GET(keysPath, { params: { path: { organizationId, directoryId } } }));
  return apiKeys;
}

/** Of so many directories the keys are read, so many at once. */
const most = 100;
const atOnce = 4;

/** Reads the keys of several directories, by the id of the directory. One that is not read is not in the result. */
export function useKeysOf(organizationId: string, all: string[]): Map<string, Key[]> {
  const ids = all.slice(0, most);
  const may = useMay("MANAGE_DIRECTORIES", "READ_EVENTS");
  const { data } = useLive(
    ["keys", organizationId, "of", ids],
    async () => {
      const keys = new Map<string, Key[]>();
      for (let from = 0; from < ids.length; from += atOnce) {
        const some = ids.slice(from, from + atOnce);
        const read = await Promise.all(some.map((id) => readKeys(organizationId, id)));
        for (const [n, id] of some.entries()) {
          keys.set(id, read[n] ?? []);
        }
      }
      return keys;
    },
    4 * sometimes,
    may && ids.length > 0,
  );
  return data ?? new Map();
}
