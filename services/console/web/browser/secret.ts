import type { Page } from "playwright-core";
import { expect } from "vitest";

/** Requires that a secret, which the page shows, is in none of the places that outlive the page. */
export async function requireNotKept(page: Page, secret: string): Promise<void> {
  const places = await page.evaluate(async () => {
    const caches: unknown[] = [];
    for (const name of await globalThis.caches.keys()) {
      const cache = await globalThis.caches.open(name);
      for (const request of await cache.keys()) {
        caches.push(request.url, await (await cache.match(request))?.text());
      }
    }
    return {
      address: location.href,
      history: JSON.stringify(history.state),
      title: document.title,
      localStorage: JSON.stringify(localStorage),
      sessionStorage: JSON.stringify(sessionStorage),
      cookies: document.cookie,
      windowName: window.name,
      databases: JSON.stringify(await indexedDB.databases()),
      caches: JSON.stringify(caches),
      // biome-ignore lint/suspicious/noExplicitAny: the app publishes its caches for this test
      queries: JSON.stringify((globalThis as any).usherCaches?.()),
      resources: JSON.stringify(performance.getEntriesByType("resource").map((entry) => entry.name)),
    };
  });
  expect(places.queries, "the caches of queries and mutations").toContain("session");
  for (const [place, content] of Object.entries(places)) {
    expect(content ?? "", place).not.toContain(secret);
  }
}
