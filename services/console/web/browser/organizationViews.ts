// What the console can show about an organization as a whole, and to the operator.
import type { Page } from "playwright-core";
import { press, type View } from "./views";

/** Answers the creation of a portal link or a service credential with a secret, and creates nothing. */
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

/** Returns what the operator sees of Usher as a whole. */
export function operatorViews(): View[] {
  return [
    { name: "organization-create", path: "/organizations", login: "operator", act: press("Create an organization") },
    { name: "roles", path: "/roles", login: "operator" },
    { name: "role-create", path: "/roles", login: "operator", act: press("Create a role") },
    { name: "role-delete", path: "/roles", login: "operator", act: press(/^Delete: /) },
    { name: "sign-ins", path: "/sign-ins", login: "operator" },
    { name: "block", path: "/sign-ins", login: "operator", act: press("Block a person") },
    { name: "unblock", path: "/sign-ins", login: "operator", act: press(/^Unblock /) },
  ];
}

/** Returns what people and the operator see of an organization's settings. */
export function organizationViewsOf(organization: string): View[] {
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
