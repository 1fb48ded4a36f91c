import { expect, test } from "vitest";
import { message, newDirectory, open, rest, withBrowser, world } from "./world";

const organization = withBrowser(import.meta.url);

/** Creates a portal link. The secret is behind the #, which no server sees. */
async function link(body: Record<string, unknown>): Promise<string> {
  const made = await rest("POST", `organizations/${organization}/portalLinks`, body);
  return made.url;
}

test("somebody without an account sets one directory up with a link, and sees nothing else", async () => {
  const other = await newDirectory(organization, "Of somebody else");
  const address = await link({ scopes: ["SCOPE_MANAGE_DIRECTORIES", "SCOPE_READ_EVENTS"], newDirectory: true });
  const page = await open();
  await page.goto(address);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { level: 1, name: "Set up a directory" }).waitFor();
  expect(page.url()).not.toContain("#");
  await page.getByRole("radio", { name: "Okta" }).click();
  await page.getByLabel("Name of the directory").fill("From a link");
  await page.getByRole("button", { name: "Create the directory" }).click();
  await page.getByRole("button", { name: "Copy: API key" }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  const baseUrl = await page.getByRole("textbox", { name: "Base URL" }).inputValue();
  expect((await message({ baseUrl, key }, "GET", "/Users")).status).toBe(200);
  await page.locator("[data-step=connection][data-done=true]").waitFor();
  await page.getByLabel("I have stored the API key").check();
  await page.getByRole("link", { name: "Go to the directory" }).click();
  await page.getByRole("heading", { level: 1, name: "From a link", exact: true }).waitFor();

  await page.goto("/");
  await page.getByRole("heading", { level: 1, name: "From a link", exact: true }).waitFor();
  expect(await page.getByText("Of somebody else").count()).toBe(0);
  await page.getByRole("link", { name: "Failed events" }).click();
  await page.getByRole("heading", { level: 1, name: "Failed events" }).waitFor();
  expect(await page.getByText("Of somebody else").count()).toBe(0);
  for (const path of [
    `/organizations/${organization}/directories/${other.id}`,
    "/organizations/demo",
    "/organizations",
  ]) {
    await page.goto(path);
    await page
      .getByText(/You may not (see|do) this/)
      .first()
      .waitFor();
    expect(await page.getByText("Of somebody else").count()).toBe(0);
  }

  const second = await open();
  await second.goto(address);
  await second.getByRole("button", { name: "Open" }).click();
  await second.getByText("The link does not work any more.").waitFor();
  await second.goto("/");
  await second.waitForURL(`${world.Admin}/sign-in?return_to=*`);
});
