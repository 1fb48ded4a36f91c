import type { Reason } from "../api/errors";

const counts = new Intl.NumberFormat();

/** Returns a number with its noun, such as "1 user" or "1,200 users". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${counts.format(n)} ${n === 1 ? one : many}`;
}

/** Returns a number as people read it. */
export function number(n: number): string {
  return counts.format(n);
}

/** Returns a name for use in a sentence. A name that is read from right to left keeps its punctuation, and the sentence keeps its order. */
export function isolated(name: string): string {
  return `\u2068${name}\u2069`; // FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE
}

/** Returns who a principal is, as people read it: the subject of a session that a portal link opened is the id of the link. */
export function nameOfPrincipal(subject: string): string {
  return subject.startsWith("portal-link/") ? "somebody with a portal link" : subject;
}

interface Explained {
  title: string;
  action: string;
}

const reasons: Partial<Record<Reason, Explained>> = {
  NOT_FOUND: { title: "This does not exist", action: "Maybe somebody removed it. Go back, and open it from its list." },
  CONFLICT: {
    title: "Somebody else changed this",
    action: "Your change is not saved. Look at the new version, and repeat yours if it is still right.",
  },
  ORGANIZATION_NOT_FEDERATED: {
    title: "The organization may not use SCIM",
    action:
      "Only an organization whose users sign in through its identity provider can have a directory. Ask the vendor of the product.",
  },
  ALREADY_EXISTS: { title: "This id is taken", action: "Choose another one." },
  TENANT_IN_USE: {
    title: "The tenant is in use",
    action: "The message says what names it. Change the rules, or revoke the access, first.",
  },
  ROLE_IN_USE: {
    title: "The role is in use",
    action: "The message says what names it. Change the rules, or revoke the access, first.",
  },
  ORGANIZATION_ERASING: { title: "The organization is being erased", action: "Nothing can be created in it any more." },
  DIRECTORY_DELETED: { title: "The directory is deleted", action: "Create a directory that replaces it." },
  DIRECTORY_NOT_REPLACEABLE: {
    title: "This directory cannot be replaced",
    action:
      "Only a deleted directory that no other directory has replaced can be replaced. Reload the page to see which ones can.",
  },
  DIRECTORY_NOT_READY: {
    title: "The directory is not ready yet",
    action: "It was created a moment ago. Try again in a few seconds.",
  },
  LIMIT: {
    title: "This is more than the limit",
    action: "The message says which limit. Remove something first, or ask for less.",
  },
  CREDENTIAL_ENDED: {
    title: "This key has ended",
    action: "It is revoked, has expired or was rotated before. Reload the page to see the current keys.",
  },
  LAST_ORGANIZATION_ADMIN: {
    title: "This is the last Organization Admin",
    action: "Make somebody else an Organization Admin first.",
  },
  ACCESS_KEPT: {
    title: "This access is kept",
    action: "Only the operator of Usher can revoke it.",
  },
  SYNC_RUNNING: { title: "A rule sync runs already", action: "Wait until it ends, or cancel it." },
  SYNC_ENDED: { title: "The rule sync has ended", action: "Reload the page to see what it did." },
  INVALID_REQUEST: { title: "Something in the form is not right", action: "The message names the field." },
  SCOPE_MISSING: {
    title: "You may not do this",
    action: "Your account does not have this permission. Ask an admin of your organization.",
  },
  CALLER_NOT_ALLOWED: {
    title: "You may not see this",
    action: "It belongs to another organization, or your account does not have this permission.",
  },
};

const statuses: Record<number, Explained> = {
  0: { title: "No answer", action: "Check your connection, and try again." },
  403: {
    title: "You may not see this",
    action: "Your account does not have this permission. Ask an admin of your organization.",
  },
  404: { title: "This does not exist", action: "Maybe somebody removed it. Go back, and open it from its list." },
  429: { title: "Too many requests", action: "Wait a moment, and try again." },
  503: {
    title: "This does not work now",
    action: "A part of Usher does not answer. Try again in a minute. What was done before is not lost.",
  },
};

export const shell = {
  product: "Usher",
  loading: "Loading",
  again: "Try again",
  cancel: "Cancel",
  close: "Close",
  save: "Save",
  newer: {
    title: "Somebody else has changed this in the meantime",
    text: "What you have entered is still here, but Usher does not save it over the other change. Copy what you need.",
    action: "Discard my changes and show the new version",
  },
  remove: "Remove",
  never: "never",
  justNow: "in the last two minutes",
  breadcrumbs: "Pages above this one",
  skip: "Skip to the content",
  more: "Show more",
  anyDirectory: "All directories",
  copy: {
    action: (what: string) => `Copy: ${what}`,
    done: "Copied",
    failed: "The browser did not allow it. Select the text and copy it.",
  },
  confirm: { label: "To confirm, type the name:" },
  errors: {
    says: "Usher says:",
    traceId: "For the operator of Usher, the trace ID:",
    of: (reason: Reason | "", status: number): Explained =>
      (reason && reasons[reason]) ||
      statuses[status] || {
        title: "This did not work",
        action: "Try again. If it happens again, tell the operator of Usher.",
      },
  },
  nav: {
    label: "Pages",
    open: "Open the menu",
    overview: "Overview",
    directory: "Directory",
    failedEvents: "Failed events",
    access: "Access",
    rules: "Rules",
    syncs: "Rule syncs",
    users: "Users",
    groups: "Groups",
    organizations: "Organizations",
    settings: "Organization settings",
    ofOrganization: "This organization",
    ofOperator: "All organizations",
    roles: "Roles",
    signIns: "Sign-ins",
    theme: "Light or dark",
    light: "Light",
    dark: "Dark",
    auto: "As the system",
    account: "Your account",
    signOut: "Sign out",
    switchTo: "Another organization",
    find: "Find an organization",
    nothingFound: "No organization begins with this.",
  },
  kinds: {
    PRINCIPAL_KIND_OPERATOR: "Operator",
    PRINCIPAL_KIND_ORGANIZATION_ADMIN: "Organization admin",
    PRINCIPAL_KIND_ORGANIZATION_VIEWER: "Viewer: sees, and changes nothing",
  } as Record<string, string>,
  portal: "Opened with a link",
  notFound: { title: "There is nothing at this address", action: "Go to the first page" },
  crashed: {
    title: "This page has a fault",
    text: "Reload it. If it happens again, tell the operator of Usher what you did.",
    action: "Reload",
  },
};
