// All that the console can show, for the tests that look at each of them.
import type { Page } from "playwright-core";
import { accessViewsOf } from "./accessViews";
import type { Places } from "./data";
import { operatorViews, organizationViewsOf } from "./organizationViews";

/** Something that a person can have on the screen. */
export interface View {
  name: string;
  path: string;
  /** Who looks; nobody is signed in if it is "". */
  login: string;
  /** What the person does on the page to see it. */
  act?: (page: Page) => Promise<unknown>;
  /** The view exists only on a narrow screen. */
  narrow?: boolean;
}

export const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

/** Answers the creation of a directory with one that is there, so that the page shows a secret and nothing is created. */
const pretendToCreate = (id: string) => async (page: Page) => {
  await page.route(/\/directories\?/, (route) =>
    route.request().method() === "POST"
      ? route.fulfill({
          json: { directory: { id }, secret: `ush_${"0123456789abcdef".repeat(3)}`, secretOmitted: false },
        })
      : route.fallback(),
  );
  await page.getByRole("radio", { name: "Okta" }).click();
  await page.getByLabel("Name of the directory").fill("Shown");
  await page.waitForLoadState("networkidle");
  const none = page.getByRole("radio", { name: "No. All users and groups are new." });
  if (await none.isVisible()) {
    await none.click(); // there is a deleted directory
  }
  await page.getByRole("button", { name: "Create the directory" }).click();
  await page.getByText("This is the only time that you see the API key.").waitFor();
};

/** The same for a key. */
const pretendToCreateKey = async (page: Page) => {
  await page.route(/\/apiKeys\?/, (route) =>
    route.request().method() === "POST"
      ? route.fulfill({ json: { apiKey: null, secret: `ush_${"0123456789abcdef".repeat(3)}`, secretOmitted: false } })
      : route.fallback(),
  );
  await press("Create an API key")(page);
  await page.getByRole("dialog").getByRole("button", { name: "Create an API key" }).click();
  await page.getByText("This is the only time that you see it.").waitFor();
};

const acknowledgeAll = async (page: Page) => {
  const reason = page
    .getByRole("region", { name: "By reason" })
    .getByRole("button", { name: /newest/ })
    .first();
  if ((await reason.getAttribute("aria-expanded")) !== "true") {
    await reason.click();
  }
  await press("Acknowledge all")(page);
};

/** Returns what an organization's people and the operator can see. */
export function viewsOf(places: Places): View[] {
  const { organization } = places;
  const login = `admin-${organization}`;
  const base = `/organizations/${organization}`;
  const directory = (id: string, tab = "") => `${base}/directories/${id}${tab && `?tab=${tab}`}`;
  const keys = directory(places.busy, "keys");
  const views: View[] = [
    { name: "overview", path: base, login },
    { name: "overview-with-deleted", path: `${base}?deleted=yes`, login },
    { name: "overview-of-viewer", path: base, login: `viewer-${organization}` },
    { name: "overview-of-operator", path: base, login: "operator", act: press(/^Another organization/) },
    { name: "account-menu", path: base, login, act: press("Your account") },
    { name: "theme-menu", path: base, login, act: press("Light or dark") },
    { name: "pages-menu", path: base, login, act: press("Open the menu"), narrow: true },
    { name: "organizations", path: "/organizations", login: "operator" },
    { name: "new-directory", path: `${base}/directories/new`, login },
    {
      name: "new-directory-missing",
      path: `${base}/directories/new`,
      login,
      act: async (page) => {
        await press("Create the directory")(page);
        await page.getByText("Choose the identity provider.").waitFor();
      },
    },
    {
      name: "new-directory-taken",
      path: `${base}/directories/new`,
      login,
      act: async (page) => {
        await page.getByLabel("Name of the directory").fill("okta of the sales team ");
        await page.getByText("Two answers, and you get the values").waitFor();
      },
    },
    { name: "new-directory-more", path: `${base}/directories/new`, login, act: press("More settings") },
    { name: "failed-events", path: `${base}/failed-events`, login },
    { name: "failed-events-none", path: `${base}/failed-events?message=nothing`, login },
    ...organizationViewsOf(organization),
    ...operatorViews(),
    { name: "not-found", path: "/nowhere", login },
    { name: "directory-not-found", path: directory("01a22df5-59d0-7337-b0c5-b3f927c6be1e"), login },
    { name: "forbidden", path: "/organizations/demo", login },
    { name: "sign-in", path: "/sign-in", login: "" },
    { name: "portal", path: "/portal#secret", login: "" },
    ...accessViewsOf(places),
  ];
  if (!places.busy) {
    return views;
  }
  return [
    ...views,
    { name: "set-up-with-key", path: `${base}/directories/new`, login, act: pretendToCreate(places.quiet) },
    {
      name: "set-up-leave",
      path: `${base}/directories/new`,
      login,
      act: async (page) => {
        await pretendToCreate(places.quiet)(page);
        await page.getByRole("link", { name: "Go to the directory" }).click();
        await page.getByRole("dialog").waitFor();
      },
    },
    { name: "set-up", path: `${directory(places.busy)}/set-up`, login },
    { name: "set-up-before", path: `${directory(places.quiet)}/set-up`, login },
    { name: "status", path: directory(places.busy), login },
    { name: "status-before", path: directory(places.quiet), login },
    { name: "keys", path: keys, login },
    { name: "keys-of-viewer", path: keys, login: `viewer-${organization}` },
    { name: "key-create", path: keys, login, act: press("Create an API key") },
    { name: "key-rotate", path: keys, login, act: press(/^Rotate: /) },
    { name: "key-revoke", path: keys, login, act: press(/^Revoke: /) },
    { name: "key-shown", path: keys, login, act: pretendToCreateKey },
    { name: "settings", path: directory(places.busy, "settings"), login },
    { name: "settings-of-viewer", path: directory(places.busy, "settings"), login: `viewer-${organization}` },
    { name: "dialect", path: directory(places.busy, "dialect"), login },
    { name: "dialect-before", path: directory(places.quiet, "dialect"), login },
    { name: "end", path: directory(places.busy, "end"), login },
    { name: "delete", path: directory(places.busy, "end"), login, act: press("Delete the directory") },
    { name: "end-of-deleted", path: directory(places.former, "end"), login },
    { name: "status-of-deleted", path: directory(places.ended), login },
    { name: "adoption", path: directory(places.successor, "end"), login },
    { name: "adoption-finish", path: directory(places.successor, "end"), login, act: press("Finish the adoption") },
    {
      name: "failed-event",
      path: `${base}/failed-events`,
      login,
      act: async (page) => {
        await page.getByRole("row").nth(1).getByRole("link").click();
        await page.getByRole("dialog").getByText("Message ID").waitFor();
      },
    },
    { name: "failed-events-acknowledge", path: `${base}/failed-events`, login, act: acknowledgeAll },
  ];
}

/** The names of views, separated by commas: all others are left out. Without it, none is. */
const only = process.env.VIEWS ? process.env.VIEWS.split(",") : undefined;

/** Reports whether a view is to be shown in a window of this width. */
export function isShown(view: View, width: number): boolean {
  return (!view.narrow || width < 768) && (!only || only.includes(view.name));
}

/** Shows a view on a page. The person must be signed in already. */
export async function show(page: Page, view: View): Promise<void> {
  await page.goto(view.path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await view.act?.(page);
  // Nothing is read or moves any more.
  await page.waitForLoadState("networkidle");
  await page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))),
  );
}
