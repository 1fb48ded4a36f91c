/** The filters of the page, as its address has them. A day is a date in the reader's time zone, such as 2026-11-30. */
export interface Filter {
  state: "open" | "all";
  directory: string;
  reason: string;
  message: string;
  from: string;
  to: string;
}

const names = ["directory", "reason", "message", "from", "to"] as const;

export function readFilter(search: URLSearchParams): Filter {
  const filter: Filter = {
    state: search.get("state") === "all" ? "all" : "open",
    directory: "",
    reason: "",
    message: "",
    from: "",
    to: "",
  };
  for (const name of names) {
    filter[name] = search.get(name) ?? "";
  }
  return filter;
}

/** Returns the address's search of a filter, without what is the default. */
export function writeFilter(filter: Filter): Record<string, string> {
  const search: Record<string, string> = filter.state === "all" ? { state: "all" } : {};
  for (const name of names) {
    if (filter[name]) {
      search[name] = filter[name];
    }
  }
  return search;
}

export function isFiltered(filter: Filter): boolean {
  return names.some((name) => filter[name] !== "");
}

/** Returns the parameters of the API. */
export function queryOf(filter: Filter) {
  const start = startOfDay(filter.from, 0);
  const end = startOfDay(filter.to, 1); // the whole day counts
  return {
    openOnly: filter.state === "open" && !filter.message, // who has a message ID wants this message
    ...(filter.directory && { directoryId: filter.directory }),
    ...(filter.reason && { reason: filter.reason }),
    ...(filter.message && { messageId: filter.message.trim() }),
    ...(start && { startTime: start }),
    ...(end && { endTime: end }),
  };
}

/** Returns the beginning of a day, or of one some days later, as the API has it. Nothing for what is no day. */
function startOfDay(day: string, later: number): string | undefined {
  const [year, month, date] = day.split("-").map(Number);
  if (!year || !month || !date) {
    return undefined;
  }
  return new Date(year, month - 1, date + later).toISOString();
}
