// All that the console can show, for the tests that look at each of them.
import type { Page } from "playwright-core";
import { accessViewsOf } from "./accessViews";
import type { Places } from "./data";

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

/** The same for a portal link and a service credential. */
const pretendToMake =
  (path: RegExp, secret: Record<string, unknown>, name: string, fill?: string) => async (page: Page) => {
    await page.route(path, (route) =>
      route.request().method() === "POST"
        ? route.fulfill({ json: { ...secret, secretOmitted: false } })
        : route.fallback(),
    );
    await press(name)(page);
    const dialog = page.getByRole("dialog");
    if (fill) {
      await dialog.getByRole("textbox", { name: "Name" }).fill(fill);
    }
    await dialog.getByRole("button", { name }).click();
    await page.getByText("This is the only time that you see it.").waitFor();
  };

/** Answers with users who are set aside, which a test cannot make: Usher applies every message that it accepts. */
const pretendToSetAside = async (page: Page) => {
  await page.route(/access:status/, async (route) => {
    const response = await route.fetch();
    const time = new Date(Date.now() - 3_600_000).toISOString();
    const setAside = Array.from({ length: 100 }, (_, n) => ({
      userId: `01a22df5-59d0-7337-b0c5-${`${n}`.padStart(12, "0")}`,
      detail: "the user is in more groups than one message can change: 20,001 memberships, at most 20,000",
      messageId: n % 2 ? "" : "01a22df5-59d0-7337-b0c5-b3f927c6be1e",
      syncId: n % 2 ? "01a22df5-59d0-7337-b0c5-b3f927c6be1e" : "",
      asOfTime: time,
      createTime: time,
      retryTime: new Date(Date.now() + 600_000).toISOString(),
      attempts: n + 1,
    }));
    await route.fulfill({ response, json: { ...(await response.json()), setAsideCount: "1234", setAside } });
  });
  await page.reload();
  await page.getByText("These are the first 100.").waitFor();
};

/** Answers as if the organization were being erased. */
const pretendToErase = (organization: string) => async (page: Page) => {
  await page.route(new RegExp(`/organizations/${organization}$`), async (route) => {
    const response = await route.fetch();
    const { organization } = await response.json();
    const erased = { eraseTime: organization.createTime, erasingServices: ["identity", "rule", "failedevents"] };
    await route.fulfill({ response, json: { organization: { ...organization, ...erased } } });
  });
  await page.reload();
  await page.getByText("The erasure is in progress").waitFor();
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
    { name: "new-directory-more", path: `${base}/directories/new`, login, act: press("More settings") },
    { name: "failed-events", path: `${base}/failed-events`, login },
    { name: "failed-events-none", path: `${base}/failed-events?message=nothing`, login },
    ...organizationViews(organization),
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

/** Returns what people and the operator see of an organization's settings. */
function organizationViews(organization: string): View[] {
  const login = `admin-${organization}`;
  const tab = (name: string) => `/organizations/${organization}/settings?tab=${name}`;
  const link = { portalLink: null, url: `https://admin.example.com/portal#usl_${"0123456789abcdef".repeat(3)}` };
  const credential = { serviceCredential: null, secret: `usc_${"0123456789abcdef".repeat(3)}` };
  return [
    { name: "settings-access", path: tab("access"), login },
    { name: "settings-access-of-viewer", path: tab("access"), login: `viewer-${organization}` },
    { name: "settings-admins", path: tab("admins"), login },
    { name: "settings-session-end", path: tab("admins"), login, act: press(/^End the session of/) },
    { name: "settings-set-aside-none", path: tab("setAside"), login },
    { name: "settings-set-aside", path: tab("setAside"), login, act: pretendToSetAside },
    { name: "settings-addresses", path: tab("addresses"), login },
    { name: "settings-tenants", path: tab("tenants"), login: "operator" },
    { name: "settings-tenant-create", path: tab("tenants"), login: "operator", act: press("Create a tenant") },
    { name: "settings-links", path: tab("links"), login: "operator" },
    { name: "settings-link-create", path: tab("links"), login: "operator", act: press("Create a portal link") },
    {
      name: "settings-link-shown",
      path: tab("links"),
      login: "operator",
      act: pretendToMake(/\/portalLinks\?/, link, "Create a portal link"),
    },
    { name: "settings-credentials", path: tab("credentials"), login: "operator" },
    {
      name: "settings-credential-create",
      path: tab("credentials"),
      login: "operator",
      act: press("Create a service credential"),
    },
    {
      name: "settings-credential-shown",
      path: tab("credentials"),
      login: "operator",
      act: pretendToMake(/\/serviceCredentials\?/, credential, "Create a service credential", "Billing"),
    },
    { name: "settings-manage", path: tab("manage"), login: "operator" },
    { name: "settings-stop", path: tab("manage"), login: "operator", act: press("Stop its use of SCIM") },
    { name: "settings-erase", path: tab("manage"), login: "operator", act: press("Erase the organization") },
    { name: "settings-erasing", path: tab("manage"), login: "operator", act: pretendToErase(organization) },
  ];
}

/** Returns what the operator sees of Usher as a whole. */
function operatorViews(): View[] {
  const login = "operator";
  return [
    { name: "organization-create", path: "/organizations", login, act: press("Create an organization") },
    { name: "roles", path: "/roles", login },
    { name: "role-create", path: "/roles", login, act: press("Create a role") },
    { name: "role-delete", path: "/roles", login, act: press(/^Delete: /) },
    { name: "sign-ins", path: "/sign-ins", login },
    { name: "block", path: "/sign-ins", login, act: press("Block a person") },
    { name: "unblock", path: "/sign-ins", login, act: press(/^Unblock /) },
  ];
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
