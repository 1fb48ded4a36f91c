import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { answer, api, type Schemas } from "./client";
import { often, sometimes, useLive } from "./live";
import { useMay } from "./session";

export type Sync = Schemas["Sync"];

/** Reports whether a rule sync waits or runs. */
export function runs(sync: Pick<Sync, "state"> | null | undefined): boolean {
  return sync?.state === "SYNC_STATE_RUNNING";
}

/** Reads a page of an organization's rule syncs, newest first. */
export function readSyncs(organizationId: string, pageSize: number, pageToken: string) {
  return answer(
    api.GET("/api/v1/organizations/{organizationId}/syncs", {
      params: { path: { organizationId }, query: { pageSize, pageToken } },
    }),
  );
}

/** What waits for a rule sync, and what the newest rule sync does. */
export interface SyncSituation {
  /** The newest rule sync: the only one that can run. Null if there is none. */
  newest: Sync | null;
  status: Schemas["GetAccessStatusResponse"];
}

const situationKey = (organizationId: string) => ["syncs", organizationId, "situation"];

/**
 * Reads the newest rule sync, and then what waits: the end of a rule sync and the changes that it applied come together, so a change that the
 * rule sync has applied does not wait any more in what is read after it.
 */
export function useSyncSituation(organizationId: string) {
  const situation = useLive<SyncSituation>(
    situationKey(organizationId),
    async () => {
      const { syncs } = await readSyncs(organizationId, 1, "");
      const status = await answer(
        api.GET("/api/v1/organizations/{organizationId}/access:status", { params: { path: { organizationId } } }),
      );
      return { newest: syncs[0] ?? null, status };
    },
    (data) => (runs(data?.newest) ? often : sometimes),
    useMay("READ_ACCESS", "MANAGE_RULES"),
  );
  useSyncWatch(organizationId, situation.data?.newest);
  return situation;
}

/** What a rule sync changes, and what is said of that: the first parts of keys in the cache. */
const changedBySyncs = [
  "syncs",
  "accessStatus",
  "accessChanges",
  "access",
  "explanation",
  "rule",
  "rules",
  "ruleProblems",
  "ruleMatches",
];

/** Returns what makes the pages read again what the start and the end of a rule sync change. */
export function useSyncsChanged(organizationId: string): () => Promise<unknown> {
  const queries = useQueryClient();
  return () => Promise.all(changedBySyncs.map((key) => queries.invalidateQueries({ queryKey: [key, organizationId] })));
}

/** Returns what the start of a rule sync does: it runs, before anything is read again. */
export function useSyncStarted(organizationId: string): (sync: Sync | null) => Promise<unknown> {
  const queries = useQueryClient();
  const changed = useSyncsChanged(organizationId);
  return (sync) => {
    queries.setQueryData<SyncSituation>(
      situationKey(organizationId),
      (before) => before && { ...before, newest: sync },
    );
    return changed();
  };
}

/**
 * Reads again what a rule sync changes when the one that is watched starts or ends. It is null if there is none, and undefined until that is
 * known.
 */
export function useSyncWatch(organizationId: string, sync: Sync | null | undefined): void {
  const changed = useSyncsChanged(organizationId);
  const before = useRef<string>(undefined);
  const now = sync === undefined ? undefined : sync === null ? "" : `${sync.id} ${sync.state}`;
  useEffect(() => {
    if (before.current !== undefined && now !== undefined && now !== before.current) {
      void changed();
    }
    before.current = now ?? before.current;
  });
}
