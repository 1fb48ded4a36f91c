import createClient, { type Middleware } from "openapi-fetch";
import { ApiError } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The token that each change needs. It is in the memory of this page only. */
let csrfToken = "";

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Where the reader signs in to come back to this page. */
export function signInAddress(): string {
  return `/sign-in?return_to=${encodeURIComponent(location.pathname + location.search)}`;
}

/** How long a request can take, in milliseconds. The server ends each one after 65 seconds. */
const timeout = 70_000;

const rules: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") {
      request.headers.set("Usher-Csrf-Token", csrfToken);
    }
    return new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]) });
  },
  async onResponse({ response }) {
    if (response.ok) {
      return undefined;
    }
    if (response.status === 401) {
      location.assign(signInAddress());
      await new Promise(() => {}); // the browser leaves this page
    }
    const body = await response.json().catch(() => undefined);
    throw new ApiError(response.status, body, response.headers.get("Usher-Trace-Id") ?? "");
  },
};

/**
 * The admin REST API. A failure rejects with an ApiError. The end of the session leads to the sign-in page.
 *
 * A call whose answer contains a secret must not be a query or a mutation: the cache would keep the secret.
 */
export const api = createClient<paths>({ baseUrl: "" });
api.use(rules);

/** Returns the data of an answer. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T; // without data, the call rejected
}
