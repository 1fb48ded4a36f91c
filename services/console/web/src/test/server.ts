import type { Root } from "react-dom/client";

/** A request that a page made. */
export interface Asked {
  method: string;
  /** The path below the organization, such as "rules/1". */
  path: string;
  search: URLSearchParams;
  // biome-ignore lint/suspicious/noExplicitAny: tests read only what they expect
  body: any;
  signal: AbortSignal;
}

type Answers = Record<string, unknown>;

let answers: Answers = {};
let asked: Asked[] = [];
let root: Root | undefined;

/** The requests since the test began. */
export function requests(method: string, path: string): Asked[] {
  return asked.filter((one) => one.method === method && one.path === path);
}

/**
 * Says what the API answers, by method and path below the organization "acme", such as "GET rules". An answer is JSON, a number for an error
 * with this status, or a function of the request that returns one of them. Without an answer, the status is 404.
 */
export function serve(more: Answers): void {
  answers = { ...answers, ...more };
}

/** Answers a request in place of the network. */
export async function respond(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const one: Asked = {
    method: request.method,
    path: pathname.replace("/api/v1/organizations/acme/", "").replace("/api/v1/", ""),
    search: searchParams,
    body: request.method === "GET" ? undefined : JSON.parse((await request.text()) || "{}"),
    signal: request.signal,
  };
  asked.push(one);
  const found = answers[`${one.method} ${one.path}`] ?? 404;
  const value = await (typeof found === "function" ? found(one) : found);
  if (value instanceof Response) {
    return value;
  }
  return typeof value === "number"
    ? Response.json({ code: 0, message: `status ${value}`, details: [] }, { status: value })
    : Response.json(value);
}

/** Returns the answer of a request that fails for a reason of the contract. */
export function refusal(status: number, reason: string): Response {
  return Response.json({ code: 0, message: reason, details: [{ reason, metadata: {} }] }, { status });
}

export function mounted(to: Root): void {
  root = to;
}

/** Ends a test. */
export function unmount(): void {
  root?.unmount();
  root = undefined;
  answers = {};
  asked = [];
  document.body.replaceChildren();
}
