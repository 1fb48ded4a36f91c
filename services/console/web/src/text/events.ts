import { count } from "./shell";

const reasons: Record<string, string> = {
  INTERNAL: "Usher has a fault",
  INVALID_REQUEST: "The message is not valid",
  CALLER_NOT_ALLOWED: "Not allowed",
  NOT_FOUND: "The user or group does not exist",
  CONFLICT: "Somebody else changed it at the same time",
  UNAVAILABLE: "A part of Usher did not answer",
  DEADLINE: "It took too long",
  LIMIT: "More than the limit",
  ORGANIZATION_NOT_FEDERATED: "The organization is not federated",
  ORGANIZATION_ERASING: "The organization is being erased",
  DIRECTORY_DELETED: "The directory is deleted",
  DIRECTORY_NOT_READY: "The directory is not ready yet",
  SCIM_UNIQUENESS: "The name or id is in use already",
  SCIM_INVALID_FILTER: "A filter that Usher cannot read",
  SCIM_INVALID_SYNTAX: "The message is not well-formed",
  SCIM_INVALID_PATH: "A path that does not exist",
  SCIM_NO_TARGET: "Nothing matches the path",
  SCIM_INVALID_VALUE: "A value that is not allowed",
  SCIM_MUTABILITY: "An attribute that cannot change",
  SCIM_TOO_MANY: "Too many results",
  SCIM_INVALID_VERSION: "The resource has changed meanwhile",
  SCIM_INVALID_CURSOR: "A cursor that is not valid",
  SCIM_EXPIRED_CURSOR: "A cursor that has expired",
  SCIM_INVALID_COUNT: "A count that is not valid",
  LAST_ORGANIZATION_ADMIN: "It would remove the last Organization Admin",
  USERS_SET_ASIDE: "The access of a user cannot be computed",
};

export const events = {
  title: "Failed events",
  situation: (open: string | undefined, found: boolean) => {
    if (open === undefined) {
      return "Messages of identity providers that Usher could not carry out.";
    }
    if (open === "0") {
      return found ? "None is open: somebody has acknowledged each of them." : "None is open.";
    }
    return `Open: ${open}.`;
  },
  reason: (reason: string) => reasons[reason] ?? reason,
  emptyTitle: "No failed event",
  empty:
    "If Usher cannot carry out a message of an identity provider, you find it here: when, why, and what to do. The same message ID is in the log of the identity provider.",
  emptyFiltered: "No failed event matches the filters.",
  clearFilters: "Clear the filters",
  byReason: "By reason",
  atLeast: (n: string) => `more than ${n}`,
  newest: "newest",
  forProvider: "At the identity provider",
  forUs: "In Usher",
  nothingToDo: "nothing to do",
  only: "Show only these",
  acknowledgeAll: "Acknowledge all",
  acknowledgeAllTitle: "Acknowledge all of a reason",
  acknowledgeAllText: (n: string, reason: string) =>
    `You say that somebody has dealt with these failed events. Reason: ${reason}. Number of events: ${n}. They stay in the list of all events. What the identity provider sends does not change. Events that arrive from now on are not included.`,
  acknowledged: (n: number) => `${count(n, "failed event")} acknowledged.`,
  acknowledge: "Acknowledge",
  acknowledgedLabel: "Acknowledged",
  acknowledgedBy: "Acknowledged by",
  filters: "Filters",
  state: "Show",
  stateOpen: "Open",
  stateAll: "All",
  directory: "Directory",
  anyDirectory: "All directories",
  reasonLabel: "Reason",
  anyReason: "All reasons",
  from: "From the day",
  to: "To the day",
  messageId: "Message ID",
  export: "Export",
  exporting: (n: number) => `${count(n, "event")} so far. Stop`,
  exportCut: (n: number) => `The file has the newest ${count(n, "event")}. Export the rest with a filter by day.`,
  columns: {
    time: "Time",
    messageId: "Message ID",
    reason: "Reason",
    subject: "Whom it concerns",
    directory: "Directory",
  },
  caption: "Failed events, newest first",
  details: "A failed event",
  open: (time: string) => `Open the failed event of ${time}`,
  status: "Answer to the identity provider",
  operation: "Message",
  detail: "What happened",
  conflict: "In conflict with",
  resource: "Id of the user or group",
  trace: "Trace",
  source: {
    FAILED_EVENT_SOURCE_GATEWAY: "a message of the identity provider",
    FAILED_EVENT_SOURCE_RULE: "access after a message",
  } as Record<string, string>,
  sourceLabel: "What failed",
  noPeople:
    "This page does not show you whom it concerns: your sign-in, such as a portal link, does not include names. The log of the identity provider has them, under the same message ID.",
};
