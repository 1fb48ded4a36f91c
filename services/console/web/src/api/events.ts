import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";
import { useMay } from "./session";

export type FailedEvent = Schemas["FailedEvent"];

type Query = NonNullable<Parameters<typeof listPage>[2]>;

const list = "/api/v1/organizations/{organizationId}/failedEvents" as const;

interface ListQuery {
  openOnly?: boolean;
  directoryId?: string;
  reason?: string;
  messageId?: string;
  startTime?: string;
  endTime?: string;
  pageSize?: number;
}

/** Reads a page of failed events, newest first. */
export function listPage(organizationId: string, pageToken: string, query: ListQuery) {
  return answer(api.GET(list, { params: { path: { organizationId }, query: { ...query, pageToken } } }));
}

/** Reads the open failed events by reason: those of one directory, or of all if the id is empty. */
export function useOpenCounts(organizationId: string, directoryId = "") {
  return useLive(
    ["failedEventCounts", organizationId, directoryId],
    () =>
      answer(
        api.GET(`${list}:count`, {
          params: { path: { organizationId }, query: { openOnly: true, ...(directoryId && { directoryId }) } },
        }),
      ),
    sometimes,
    useMay("READ_EVENTS"),
  ).data?.counts;
}

/** The most events that an export contains. They are in the memory of the page until it saves the file. */
export const mostExported = 100_000;

/**
 * Reads all failed events that match, up to a limit, and returns them as JSON Lines: one event in a line, newest first. It reports how many
 * it has read. It ends early, without an error, when the signal says so.
 */
export async function exportEvents(
  organizationId: string,
  query: Query,
  signal: AbortSignal,
  report: (n: number) => void,
) {
  const parts: string[] = [];
  let events = 0;
  let token = "";
  do {
    const page = await listPage(organizationId, token, { ...query, pageSize: 1000 });
    parts.push(...page.failedEvents.map((event) => `${JSON.stringify(event)}\n`));
    events += page.failedEvents.length;
    token = page.nextPageToken;
    report(events);
  } while (token && events < mostExported && !signal.aborted);
  return {
    lines: new Blob(parts, { type: "application/jsonl" }),
    events,
    cut: token !== "" && !signal.aborted,
    stopped: signal.aborted,
  };
}
