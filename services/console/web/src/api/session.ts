import { createContext, useContext } from "react";
import { setCsrfToken, signInAddress } from "./client";
import { ApiError } from "./errors";
import type { components } from "./schema";

export type Scope =
  | "MANAGE_ORGANIZATIONS"
  | "MANAGE_DIRECTORIES"
  | "MANAGE_RULES"
  | "GRANT_ACCESS"
  | "READ_PEOPLE"
  | "READ_ACCESS"
  | "READ_EVENTS";

/** Who uses this page, and what they may do. */
export interface Session {
  kind: components["schemas"]["PrincipalKind"];
  /** The id of the only organization, or "" for the operator. */
  organizationId: string;
  scopes: Set<Scope>;
  subject: string;
  /** Whether the session opens one directory alone. */
  oneDirectory: boolean;
  /** The id of this directory, or "" if it is not created yet. */
  directoryId: string;
  portalLink: boolean;
  /** The address of a trace, with {trace_id} where the id belongs, or "". */
  traceUrl: string;
  /** The address of the console. */
  adminUrl: string;
  /** What the Base URLs of directories begin with. */
  publicUrl: string;
  /** The version of Usher, for the operator, or "". */
  version: string;
  csrfToken: string;
}

/** Reads the session. Without one, the browser goes to the sign-in page, and the promise stays open. */
export async function readSession(): Promise<Session> {
  const response = await fetch("/session", {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(20_000),
  });
  if (response.status === 401) {
    location.assign(signInAddress());
    return new Promise(() => {});
  }
  if (!response.ok) {
    throw new ApiError(response.status, undefined, "");
  }
  const read = await response.json();
  setCsrfToken(read.csrfToken);
  return {
    kind: read.principalKind,
    organizationId: read.organizationId,
    scopes: new Set((read.scopes ?? []).map((scope: string) => scope.replace("SCOPE_", ""))),
    subject: read.subject,
    oneDirectory: read.oneDirectory,
    directoryId: read.directoryId,
    portalLink: read.portalLinkId !== "",
    traceUrl: read.traceUrl,
    adminUrl: read.adminUrl ?? "", // a gateway of the previous version does not send the last three
    publicUrl: read.publicUrl ?? "",
    version: read.version ?? "",
    csrfToken: read.csrfToken,
  };
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) {
    throw new Error("this part is outside the shell");
  }
  return session;
}

/** Reports whether the reader has one of the scopes. */
export function useMay(...scopes: Scope[]): boolean {
  const session = useSession();
  return scopes.some((scope) => session.scopes.has(scope));
}

/** The address of a trace, or undefined if no tool for traces is configured. */
export function useTraceAddress(traceId: string): string | undefined {
  const { traceUrl } = useSession();
  return traceUrl && traceId ? traceUrl.replaceAll("{trace_id}", traceId) : undefined;
}
