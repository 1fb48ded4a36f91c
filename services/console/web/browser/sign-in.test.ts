import { expect, test } from "vitest";
import { open, openAs, signIn, withBrowser, world } from "./world";

const organization = withBrowser(import.meta.url);

test("a person signs in, comes back to the page, and signs out", async () => {
  const page = await open();
  await signIn(page, `admin-${organization}`, `/organizations/${organization}?deleted=yes`);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  expect(page.url()).toBe(`${world.Admin}/organizations/${organization}?deleted=yes`);

  await page.getByRole("button", { name: "Your account" }).click();
  await page.getByText("Organization admin").waitFor();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  await page.goto(`/organizations/${organization}`);
  await page.waitForURL("**/sign-in?return_to=*");
});

test("the operator sees all organizations, and goes to one", async () => {
  const page = await openAs("operator", "/");
  await page.getByRole("heading", { level: 1, name: "Organizations" }).waitFor();
  await page.getByRole("main").getByRole("link", { name: organization, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.getByRole("button", { name: `Another organization: ${organization}` }).click();
  await page.getByRole("searchbox").or(page.getByPlaceholder("Find an organization")).fill("dem");
  await page.getByRole("option", { name: /demo/i }).click();
  await page.waitForURL("**/organizations/demo");
});

test("an admin sees nothing of another organization", async () => {
  const page = await openAs(`admin-${organization}`, "/organizations/demo");
  await page.getByText("You may not see this").first().waitFor();
  expect(await page.getByRole("link", { name: "Organizations", exact: true }).count()).toBe(0);
});

test("a viewer is offered no change", async () => {
  const page = await openAs(`viewer-${organization}`, "/");
  await page.getByText("An admin of your organization can set one up.").waitFor();
  expect(await page.getByRole("link", { name: "Set up a directory" }).count()).toBe(0);
});

test("a stranger learns why there is no way in", async () => {
  const page = await open();
  await signIn(page, "stranger");
  await page.getByRole("heading", { name: "You may not sign in" }).waitFor();
  await page.goto("/");
  await page.waitForURL("**/sign-in?return_to=*");
});
