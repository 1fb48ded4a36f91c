import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { requireAccessible } from "./axe";
import { type Places, usual } from "./data";
import { isShown, show, viewsOf } from "./views";
import { type Look, open, openAs, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;
let places: Places;

beforeAll(async () => {
  places = await usual(organization);
}, 120_000);

/** Opens all views in windows of one kind, and checks each. */
async function eachView(look: Required<Look>, check: (page: Page, what: string) => Promise<void>): Promise<void> {
  const views = viewsOf(places).filter((view) => isShown(view, look.width));
  for (const login of new Set(views.map((view) => view.login))) {
    const page = login ? await openAs(login, "/", look) : await open(look);
    for (const view of views.filter((v) => v.login === login)) {
      await show(page, view);
      await check(page, `${view.name}, ${JSON.stringify(look)}`);
      await page.unrouteAll();
    }
  }
}

test("no page breaks a rule of accessibility, or scrolls sideways on a telephone", { timeout: 600_000 }, async () => {
  await Promise.all([
    eachView({ width: 1280, dark: false }, requireAccessible),
    eachView({ width: 1280, dark: true }, requireAccessible),
    eachView({ width: 390, dark: false }, async (page, what) => {
      expect.soft(await page.evaluate(() => document.documentElement.scrollWidth), what).toBeLessThanOrEqual(390);
    }),
  ]);
});

test("the keyboard is enough", async () => {
  const { busy } = places;
  const page = await openAs(admin, `/organizations/${organization}/directories/${busy}`);
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

  // The first stop after a reload jumps over the menus.
  await page.reload();
  await page.getByRole("tab", { name: "Status" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");

  // Arrows choose a tab.
  await page.getByRole("tab", { name: "Status" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByText("2 API keys are valid.").waitFor();
  expect(await focused()).toBe("API keys");
  expect(page.url()).toContain("tab=keys");

  // A dialog takes the focus, does not let it go, and returns it.
  const opener = page.getByRole("button", { name: "Create an API key" });
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").waitFor();
  await expect.poll(() => dialog.getByLabel("Name").evaluate((e) => e === document.activeElement)).toBe(true);
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press("Tab");
    expect(await dialog.evaluate((e) => e.contains(document.activeElement))).toBe(true);
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await expect.poll(() => opener.evaluate((e) => e === document.activeElement)).toBe(true);

  // A menu opens, its arrows move in it, and it returns the focus.
  const menu = page.getByRole("button", { name: "Light or dark" });
  await menu.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
  await expect.poll(focused).toBe("Light");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toBe("Dark");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset.mantineColorScheme)).toBe("dark");
  await expect.poll(() => menu.evaluate((e) => e === document.activeElement)).toBe(true);
});
