import { expect, test } from "vitest";
import { requireNotKept } from "./secret";
import { about, message, newDirectory, open, openAs, rest, user, withBrowser, world } from "./world";

const organization = withBrowser(import.meta.url);
const admin = `admin-${organization}`;
const settings = (tab = "") => `/organizations/${organization}/settings${tab && `?tab=${tab}`}`;

test("an admin changes the access settings, and a viewer cannot", async () => {
  const page = await openAs(admin, settings());
  await page.getByRole("heading", { level: 1, name: "Organization" }).waitFor();
  expect(await page.getByRole("radio", { name: "Keep it" }).isChecked()).toBe(true);
  await page.getByRole("radio", { name: "Take it away" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved. It applies at once").waitFor();
  const { settings: stored } = await rest("GET", `organizations/${organization}/accessSettings`);
  expect(stored.whenUnknown).toBe("WHEN_UNKNOWN_SUSPEND");

  const viewer = await openAs(`viewer-${organization}`, settings());
  await viewer.getByRole("radio", { name: "Take it away" }).waitFor();
  expect(await viewer.getByRole("radio", { name: "Keep it" }).isDisabled()).toBe(true);
  expect(await viewer.getByRole("button", { name: "Save" }).count()).toBe(0);
  expect(await viewer.getByRole("tab").allTextContents()).toEqual([
    "Access",
    "Admins",
    "Set aside",
    "Tenants",
    "Addresses",
  ]);
});

test("a change from somebody else is not overwritten", async () => {
  const page = await openAs(admin, settings());
  await page.getByRole("radio", { name: "Keep it" }).waitFor();
  const { settings: before } = await rest("GET", `organizations/${organization}/accessSettings`);
  const other = before.whenUnknown === "WHEN_UNKNOWN_KEEP" ? "Take it away" : "Keep it";
  // The page has a stale etag, as if its next reading were late.
  await page.route(/accessSettings/, async (route) => {
    const body = route.request().postDataJSON();
    await route.continue(body ? { postData: JSON.stringify({ ...body, etag: '"stale"' }) } : {});
  });
  await page.getByRole("radio", { name: other }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Somebody else changed this").waitFor();
  const { settings: after } = await rest("GET", `organizations/${organization}/accessSettings`);
  expect(after.whenUnknown).toBe(before.whenUnknown);
});

test("the admins are listed with their source, and an admin ends a session", async () => {
  const directory = await newDirectory(organization, "People");
  const ann = (await message(directory, "POST", "/Users", user("ann@example.com"))).body.id;
  await rest("POST", `organizations/${organization}/access:grant`, {
    userId: ann,
    roleId: "organization-admin",
    keep: true,
  });
  const viewer = await openAs(`viewer-${organization}`, settings("admins"));
  await viewer.getByRole("link", { name: "ann@example.com" }).waitFor();
  expect(await viewer.getByRole("heading", { name: "Sessions" }).count()).toBe(0);

  const page = await openAs(admin, settings("admins"));
  const row = page.getByRole("row").filter({ hasText: "ann@example.com" });
  await row.getByText("Counts").waitFor();
  await row.getByText(/Granted by .*operator.*, also while inactive \(keep\)/).waitFor();
  expect(await row.getByRole("link").getAttribute("href")).toBe(`/organizations/${organization}/users/${ann}`);
  await page
    .getByRole("row")
    .filter({ hasText: "Viewer" })
    .first()
    .getByRole("button", { name: about("End the session of", `viewer-${organization}`) })
    .click();
  await page.getByRole("button", { name: "End the session", exact: true }).click();
  await page.getByText("The session has ended.").waitFor();
});

test("a session that an admin ends is over", async () => {
  const victim = await openAs(`viewer-${organization}`, settings());
  const page = await openAs(admin, settings("admins"));
  const end = page.getByRole("button", { name: about("End the session of", `viewer-${organization}`) });
  await end.first().waitFor();
  for (let left = await end.count(); left > 0; left--) {
    await end.first().click();
    await page.getByRole("button", { name: "End the session", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => end.count()).toBe(left - 1);
  }
  await victim.reload();
  await victim.waitForURL(`${world.Admin}/sign-in?return_to=*`);
});

test("the operator makes a portal link, which opens once, and revokes it", async () => {
  const page = await openAs("operator", settings("links"));
  await page.getByRole("button", { name: "Create a portal link" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: "Set up directories" }).uncheck();
  await dialog.getByLabel("In which directory").selectOption("All directories");
  await dialog.getByRole("button", { name: "Create a portal link" }).click();
  await page.getByRole("button", { name: "Copy: Portal link" }).click();
  const url = await page.evaluate(() => navigator.clipboard.readText());
  expect(url).toContain("/portal#");
  await requireNotKept(page, url.split("#")[1] ?? "");
  await page.getByLabel("I have sent or stored the link").check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("cell", { name: /^Open/ }).waitFor();
  await requireNotKept(page, url.split("#")[1] ?? "");

  const reader = await open();
  await reader.goto(url);
  await reader.getByRole("button", { name: "Open" }).click();
  await reader.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await reader.goto(settings());
  await reader.getByRole("textbox", { name: "Base URLs" }).waitFor();
  expect(await reader.getByRole("tab").allTextContents()).toEqual(["Addresses"]);

  await page.reload();
  await page.getByText("Used", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Revoke the link of/ }).click();
  await page.getByRole("button", { name: "Revoke the link", exact: true }).click();
  await page.getByText("Revoked", { exact: true }).waitFor();
  await reader.reload();
  await reader.waitForURL(`${world.Admin}/sign-in?return_to=*`);
});

test("a service credential is shown once, is rotated, and ends", async () => {
  const check = (secret: string) =>
    fetch(`${world.Admin}/api/v1/organizations/${organization}/access`, {
      headers: { Authorization: `Bearer ${secret}` },
    }).then(({ status }) => status);
  const page = await openAs("operator", settings("credentials"));
  await page.getByRole("button", { name: "Create a service credential" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Billing");
  await page.getByRole("dialog").getByRole("button", { name: "Create a service credential" }).click();
  const copied = async () => {
    await page.getByRole("button", { name: "Copy: Service credential" }).click();
    const secret = await page.evaluate(() => navigator.clipboard.readText());
    expect(secret).toMatch(/^usc_/);
    await requireNotKept(page, secret);
    await page.getByLabel("I have stored the credential").check();
    await page.getByRole("button", { name: "Done" }).click();
    await requireNotKept(page, secret);
    return secret;
  };
  const first = await copied();
  expect(await check(first)).toBe(200);

  await page.getByRole("button", { name: about("Rotate:", "Billing") }).click();
  await page.getByLabel("The old credential stays valid for").selectOption({ index: 0 });
  await page.getByText("Usher refuses the service until it has the new credential.").waitFor();
  await page.getByRole("button", { name: "Create the new credential" }).click();
  const second = await copied();
  expect(await check(first)).toBe(401);
  expect(await check(second)).toBe(200);

  await page
    .getByRole("button", { name: about("Revoke:", "Billing") })
    .last()
    .click();
  await page.getByRole("button", { name: "Revoke the credential" }).click();
  await page.getByText("No service credential opens this organization.").waitFor();
  expect(await check(second)).toBe(401);
});
