import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const script = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Requires that the page breaks no rule of accessibility that a program can check. The test goes on and reports each page that does. */
export async function requireAccessible(page: Page, what: string): Promise<void> {
  // The page's policy allows no script but its own. Playwright's evaluate is not bound by it.
  const { readFileSync } = await import("node:fs");
  await page.evaluate(readFileSync(script, "utf8"));
  const results: AxeResults = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  const violations = results.violations.map(
    (v) => `${v.id}: ${v.nodes.map((n) => `${n.target} (${n.failureSummary})`).join("; ")}`,
  );
  expect.soft(violations, what).toEqual([]);
}
