import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { Schemas } from "./client";

/** Reports whether a rule sync waits or runs. */
export function runs(sync: Pick<Schemas["Sync"], "state"> | undefined): boolean {
  return sync?.state === "SYNC_STATE_RUNNING";
}

/** Returns what makes the pages read again what the start and the end of a rule sync change. */
export function useSyncsChanged(organizationId: string): () => Promise<unknown> {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      ["syncs", "accessStatus", "accessChanges", "ruleProblems"].map((key) =>
        queries.invalidateQueries({ queryKey: [key, organizationId] }),
      ),
    );
}

/** Reads again what a rule sync changes when the one that is watched starts or ends. It is undefined until it is known. */
export function useSyncWatch(organizationId: string, sync: Schemas["Sync"] | undefined): void {
  const changed = useSyncsChanged(organizationId);
  const before = useRef<string>(undefined);
  const now = sync && `${sync.id} ${sync.state}`;
  useEffect(() => {
    if (before.current !== undefined && now !== before.current) {
      void changed();
    }
    before.current = now;
  });
}
