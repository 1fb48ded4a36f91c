import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { open, rest, withBrowser } from "./world";

const organization = withBrowser(import.meta.url);

/** Creates a portal link, and returns its address. */
const link = async (): Promise<string> =>
  (await rest("POST", `organizations/${organization}/portalLinks`, { scopes: ["SCOPE_READ_EVENTS"] })).url;

const openButton = (page: Page) => page.getByRole("button", { name: "Open" });

test("a link works after a reload of its page, when it is entered again", async () => {
  const address = await link();
  const page = await open();
  await page.goto(address);
  await openButton(page).click({ trial: true });
  await page.reload();
  await page.getByText("Open the link in the message again.").waitFor();
  expect(await openButton(page).isDisabled()).toBe(true);

  await page.goto(address); // only the part behind the # changes: the browser does not load the page
  await openButton(page).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});

test("a browser that has opened a link goes on without a new one", async () => {
  const address = await link();
  const page = await open();
  await page.goto(address);
  await openButton(page).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

  await page.goto(address); // it has no use any more
  await page.getByText("You have opened a link already in this browser.").waitFor();
  await openButton(page).click();
  await page.getByText("The link does not work any more. You have opened a link already").waitFor();
  await page.getByRole("link", { name: "Continue" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

  // The offer uses no link up.
  const unused = await link();
  await page.goto(unused);
  await page.getByRole("link", { name: "Continue" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const other = await open();
  await other.goto(unused);
  await openButton(other).click();
  await other.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
});
