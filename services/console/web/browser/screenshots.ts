// Takes a picture of all that the console can show, for people to look at. It checks only that no page is wider than its window.
import { rmSync } from "node:fs";
import type { Page, Route } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { excessive, nothing, type Places, usual } from "./data";
import { isShown, show, viewsOf } from "./views";
import { type Look, open, openAs, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const folder = new URL("../../screenshots/", import.meta.url).pathname;

/** The tallest picture, in pixels. */
const tallest = 4_000;

const places = new Map<string, Places>();

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  places.set("empty", nothing(`${organization}-empty`));
  places.set("usual", await usual(organization));
  places.set("excessive", await excessive(`${organization}-excessive`));
}, 300_000);

const looks: Required<Look>[] = [1280, 390].flatMap((width) => [false, true].map((dark) => ({ width, dark })));

test.each(["empty", "usual", "excessive"])("pictures with %s data", { timeout: 600_000 }, async (data) => {
  const tooWide = await Promise.all(looks.map((look) => take(data, look)));
  expect(tooWide.flat()).toEqual([]);
});

/** Takes all pictures in windows of one kind, and returns the names of the pages that are wider than the window. */
async function take(data: string, look: Required<Look>): Promise<string[]> {
  const tooWide: string[] = [];
  const pages = new Map<string, Page>();
  for (const view of viewsOf(places.get(data) as Places)) {
    if (!isShown(view, look.width)) {
      continue;
    }
    const page = pages.get(view.login) ?? (view.login ? await openAs(view.login, "/", look) : await open(look));
    pages.set(view.login, page);
    await page.route(/\/activity(\?|$)/, spread);
    await show(page, view);
    const { scrollWidth, scrollHeight } = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      return { scrollWidth, scrollHeight };
    });
    const name = `${data}/${view.name}.${look.width}.${look.dark ? "dark" : "light"}`;
    if (scrollWidth > look.width) {
      tooWide.push(`${name}: ${scrollWidth} pixels`);
    }
    const path = `${folder}${name}.png`;
    if ((await page.getByRole("dialog").count()) > 0) {
      await page.screenshot({ path }); // what is behind the dialog matters less
    } else {
      await page.evaluate(() => scrollTo(0, 0));
      const height = Math.min(scrollHeight, tallest);
      await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: look.width, height } });
    }
    await page.unrouteAll();
  }
  return tooWide;
}

/** Spreads the messages of the last minutes over hours or days, so that the charts look as after some weeks. */
async function spread(route: Route): Promise<void> {
  const response = await route.fetch();
  const list = await response.json();
  const days = route.request().url().includes("PERIOD_DAY");
  const [period, periods] = days ? [86_400_000, 30] : [3_600_000, 24];
  for (const directory of list.activity ?? []) {
    const last = directory.counts.at(-1);
    directory.counts = Array.from({ length: last ? periods : 0 }, (_, n) => ({
      startTime: new Date(Date.parse(last.startTime) - (periods - 1 - n) * period).toISOString(),
      acceptedCount: `${Math.round(Number(last.acceptedCount) * (1 + Math.sin(n / 3)))}`,
      failedCount: n % 7 === 3 ? last.failedCount : "0",
      rateLimitedCount: last.rateLimitedCount,
    }));
  }
  await route.fulfill({ response, json: list });
}
