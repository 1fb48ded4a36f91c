import { expect, test } from "vitest";
import { message, newDirectory, openAs, rest, user, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;

test("a directory is deleted, replaced, and its resources are adopted", async () => {
  await rest("POST", `organizations/${organization}/tenants`, { id: "production", displayName: "Production" });
  await rest("POST", `organizations/${organization}/rules`, {
    displayName: "Designers",
    group: { displayName: "Designers" },
    grants: [{ tenantId: "production", roleId: "designer" }],
  });
  const former = await newDirectory(organization, "The former one");
  const ann = await message(former, "POST", "/Users", user("ann@example.com", { externalId: "ann" }));
  const ben = await message(former, "POST", "/Users", user("ben@example.com", { externalId: "ben" }));
  const group = await message(former, "POST", "/Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: "Designers",
    externalId: "designers",
    members: [{ value: ann.body.id }, { value: ben.body.id }],
  });
  const holders = async () =>
    (await rest("GET", `organizations/${organization}/access`)).access.map((a: { userId: string }) => a.userId).sort();
  await expect.poll(holders, { timeout: 60_000 }).toEqual([ann.body.id, ben.body.id].sort());

  // Its end: the page says what stays, and asks for the name.
  const page = await openAs(admin, `/organizations/${organization}/directories/${former.id}?tab=end`);
  await page.getByRole("row").filter({ hasText: "Access" }).getByText("Stays").waitFor();
  await page.getByText("2 users, 1 group").waitFor();
  await page.getByRole("button", { name: "Delete the directory" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("To confirm, type the name:").fill("the wrong one");
  expect(await dialog.getByRole("button", { name: "Delete the directory" }).isDisabled()).toBe(true);
  await dialog.getByLabel("To confirm, type the name:").fill("The former one");
  await dialog.getByRole("button", { name: "Delete the directory" }).click();
  await page.getByRole("heading", { name: "This directory is deleted" }).waitFor();
  expect((await message(former, "GET", "/Users")).status).toBe(401);
  expect(await holders()).toEqual([ann.body.id, ben.body.id].sort());

  // Its successor.
  await page.getByRole("link", { name: "Set up a directory that replaces it" }).click();
  await page.getByRole("radio", { name: "Yes: The former one" }).waitFor();
  expect(await page.getByRole("radio", { name: "Yes: The former one" }).isChecked()).toBe(true);
  await page.getByRole("radio", { name: "Google Workspace" }).click();
  await page.getByLabel("Name of the directory").fill("The new one");
  await page.getByRole("button", { name: "Create the directory" }).click();
  await page.getByRole("button", { name: "Copy: API key" }).click();
  const successor = {
    baseUrl: await page.getByRole("textbox", { name: "Base URL" }).inputValue(),
    key: await page.evaluate(() => navigator.clipboard.readText()),
  };
  const adopted = await message(successor, "POST", "/Users", user("ann@example.com", { externalId: "ann" }));
  expect(adopted.body.id).toBe(ann.body.id);
  const adoptedGroup = await message(successor, "POST", "/Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: "Designers",
    externalId: "designers",
    members: [{ value: ann.body.id }],
  });
  expect(adoptedGroup.body.id).toBe(group.body.id);

  // What was not adopted, and the memberships that were never confirmed.
  await page.getByLabel("I have stored the API key").check();
  await page.getByRole("link", { name: "Go to the directory" }).click();
  await page.getByRole("tab", { name: "Delete or replace" }).click();
  const unadopted = page.getByRole("region", { name: "Not adopted yet" });
  await unadopted.getByRole("row").filter({ hasText: "ben@example.com" }).waitFor();
  expect(await unadopted.getByRole("row").filter({ hasText: "ann@example.com" }).count()).toBe(0);
  const carried = page.getByRole("region", { name: "Memberships that were never confirmed" });
  await carried.getByRole("row").filter({ hasText: "ben@example.com" }).waitFor();
  expect(await holders()).toEqual([ann.body.id, ben.body.id].sort());

  await page.getByRole("button", { name: "Finish the adoption" }).click();
  await page.getByRole("dialog").getByLabel("To confirm, type the name:").fill("The new one");
  await page.getByRole("dialog").getByRole("button", { name: "Finish the adoption" }).click();
  await page.getByText("1 membership removed.").waitFor();
  await page.getByText("The identity provider has confirmed all memberships of adopted groups.").waitFor();
});
