import { beforeAll, expect, test } from "vitest";
import {
  about,
  caughtUp,
  create,
  group,
  newDirectory,
  newRule,
  open,
  openAs,
  rest,
  said,
  syncRules,
  user,
  withBrowser,
} from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;
const base = `/organizations/${organization}`;
const ids = { ann: "", ben: "", rule: "" };

beforeAll(async () => {
  const directory = await newDirectory(organization, "Okta");
  ids.ann = await create(directory, "/Users", user("ann@example.com", { displayName: "Ann Able", externalId: "a" }));
  ids.ben = await create(directory, "/Users", user("ben@example.com", { displayName: "Ben Best", externalId: "b" }));
  await create(directory, "/Groups", group("Designers", [ids.ann]));
  await caughtUp(organization);
  ids.rule = await newRule(organization, "Designers", "designer");
  await syncRules(organization);
  const grant = { userId: ids.ben, tenantId: "production", roleId: "designer" };
  await rest("POST", `organizations/${organization}/access:grant`, grant);
  await rest("POST", `organizations/${organization}/access:grant`, { userId: ids.ben, roleId: "organization-admin" });
}, 120_000);

test("the page says who holds a role, why, and whether it counts", async () => {
  const page = await openAs(admin, base);
  await page
    .getByRole("navigation", { name: "Pages", exact: true })
    .getByRole("link", { name: "Access", exact: true })
    .click();
  await page.getByRole("heading", { level: 1, name: "Access" }).waitFor();
  const table = page.getByRole("table", { name: "Access, by user" });
  await expect.poll(() => table.getByRole("row").count()).toBe(4);
  const ann = table.getByRole("row").filter({ hasText: "Ann Able" });
  await ann.getByText("Counts", { exact: true }).waitFor();
  await ann.getByRole("link", { name: said("Rule Designers") }).waitFor();
  expect(await ann.getByRole("link", { name: "ann@example.com" }).getAttribute("href")).toBe(
    `${base}/users/${ids.ann}`,
  );
  await table.getByRole("row").filter({ hasText: "the whole organization" }).getByText("Ben Best").waitFor();

  await page.getByLabel("Role").selectOption("Designer");
  await expect.poll(() => table.getByRole("row").count()).toBe(3);
  await page.getByLabel("Source").selectOption("By hand");
  await expect.poll(() => table.getByRole("row").count()).toBe(2);
  await table
    .getByRole("row")
    .filter({ hasText: "ben@example.com" })
    .getByText(/Granted by .*operator/)
    .waitFor();
  await page.getByLabel("Source").selectOption("A rule that is deleted");
  await page.getByText("Nobody holds this.").waitFor();
  await page.getByLabel("Role").selectOption("Organization Admin");
  await page.getByLabel("Tenant").waitFor({ state: "detached" }); // nobody holds it in a tenant
  await page.getByLabel("Source").selectOption("All sources");
  await expect.poll(() => table.getByRole("row").count()).toBe(2);
  expect(page.url()).toContain("/access?role=organization-admin");
});

test("a tenant leads to those who have access to it, also when its rule is deleted", async () => {
  const page = await openAs(admin, `${base}/settings?tab=tenants`);
  await page.getByRole("link", { name: about("Who has access:", "Production") }).click();
  const table = page.getByRole("table", { name: "Access, by user" });
  await expect.poll(() => table.getByRole("row").count()).toBe(3);
  await rest("DELETE", `organizations/${organization}/rules/${ids.rule}`);
  await page.goto(`${base}/access?source=gone`);
  await table.getByRole("row").filter({ hasText: "ann@example.com" }).getByText("A rule that is deleted").waitFor();
  expect(await table.getByRole("row").count()).toBe(2);
});

test("a session that may not read access is told so", async () => {
  const link = await rest("POST", `organizations/${organization}/portalLinks`, { scopes: ["SCOPE_MANAGE_RULES"] });
  const page = await open();
  await page.goto(link.url);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("link", { name: "Rules", exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "Access", exact: true }).count()).toBe(0);
  await page.goto(`${base}/access`);
  await page.getByText("Your account does not show who holds which role.").waitFor();
});

test("the overview leads to a rule that needs somebody, and the navigation shows the section", async () => {
  await newRule(organization, "Auditors", "participant"); // nobody has sent this group
  const page = await openAs(admin, base);
  const nav = page.getByRole("navigation", { name: "Pages", exact: true });
  await page.getByText(/Look at 1 rule\./).waitFor();
  expect(await nav.getByRole("link", { name: "Overview" }).getAttribute("aria-current")).toBe("page");
  await page.getByRole("main").getByRole("link", { name: "1", exact: true }).first().click();
  await page.getByRole("link", { name: "Auditors" }).click();
  await page.getByRole("heading", { level: 1, name: "Auditors" }).waitFor();
  expect(await nav.getByRole("link", { name: "Rules", exact: true }).getAttribute("aria-current")).toBe("true");
  expect(await nav.getByRole("link", { name: "Overview" }).getAttribute("aria-current")).toBeNull();
  expect(await nav.getByRole("group").count()).toBe(0); // all pages are of one organization
});

test("the operator's pages keep the way back, and a role leads to those who hold it", async () => {
  const page = await openAs("operator", base);
  const nav = page.getByRole("navigation", { name: "Pages", exact: true });
  const all = nav.getByRole("group", { name: "All organizations" });
  await all.getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { level: 1, name: "Roles" }).waitFor();
  const one = nav.getByRole("group", { name: "This organization" });
  await one.getByRole("link", { name: "Overview" }).waitFor();
  await page.getByRole("link", { name: about("Who has access:", "Designer") }).click();
  await page.waitForURL(`**${base}/access?role=designer`);
  await page.getByRole("table", { name: "Access, by user" }).waitFor();
  await all.getByRole("link", { name: "Organizations" }).click();
  await page.getByRole("heading", { level: 1, name: "Organizations" }).waitFor();
  await one.waitFor({ state: "detached" });
});
