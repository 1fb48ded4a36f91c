// What the tests in a browser use: the Usher that services/e2e started, a browser, and an identity provider.
import { execFile } from "node:child_process";
import { basename } from "node:path";
import { promisify } from "node:util";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";

interface World {
  Admin: string;
  SCIM: string;
  OperatorToken: string;
  Usher: string;
  Organizations: string[];
  RuleDatabase: string;
}

export const world: World = JSON.parse(process.env.CONSOLE_WORLD ?? "{}");

/** The longest time that something that must happen can take, in milliseconds. */
export const patience = 60_000;

let browser: Browser;
let contexts: BrowserContext[] = [];
let faults: string[] = [];

/**
 * Starts a browser for the tests of a file, and returns the id of the organization of this file. A test fails if a page writes an error into
 * its console, such as one about the Content-Security-Policy.
 */
export function withBrowser(file: string): string {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
    const found = faults;
    faults = [];
    expect(found).toEqual([]);
  });
  afterAll(() => browser?.close());
  const organization = basename(file).split(".")[0] ?? "";
  if (!world.Organizations?.includes(organization)) {
    throw new Error(`there is no organization ${organization}: services/e2e runs these tests`);
  }
  return organization;
}

export interface Look {
  width?: number;
  dark?: boolean;
}

/** Opens a browser window without any cookie. */
export async function open({ width = 1280, dark = false }: Look = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    baseURL: world.Admin,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(patience);
  contexts.push(context);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`an exception: ${error.message}`));
  page.on("console", (message) => {
    // The browser writes a line for each answer that is an error, also for those that a test wants.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      faults.push(message.text());
    }
  });
  return page;
}

/** Signs a person in at an identity provider, and ends at a path of the console. */
export async function signIn(page: Page, login: string, path = "/"): Promise<void> {
  await page.goto(path);
  await page.getByRole("link", { name: `Sign in with ${login === "operator" ? "staff" : "customers"}` }).click();
  await page.getByRole("button", { name: login, exact: true }).click();
}

/** Opens a window of a person who is signed in. */
export async function openAs(login: string, path: string, look?: Look): Promise<Page> {
  const page = await open(look);
  await signIn(page, login, path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

/** Returns what matches a label that ends with a name, such as "Revoke: Test". Invisible characters isolate the name. */
export function about(words: string, name: string): RegExp {
  return new RegExp(`^${words} \u2068${name}\u2069$`);
}

/** Calls the admin REST API as the operator. */
// biome-ignore lint/suspicious/noExplicitAny: tests read only what they expect
export async function rest(method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(`${world.Admin}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${world.OperatorToken}`, "Content-Type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${text}`);
  }
  return JSON.parse(text);
}

/** A directory that the tests send messages to. */
export interface Directory {
  id: string;
  baseUrl: string;
  key: string;
}

/** Creates a directory with a key over REST. */
export async function newDirectory(organization: string, displayName: string): Promise<Directory> {
  const made = await rest("POST", `organizations/${organization}/directories?replaceNone=true`, { displayName });
  return { id: made.directory.id, baseUrl: made.directory.baseUrl, key: made.secret };
}

/** Sends a message as an identity provider does, and returns the status and the answer. */
export async function message(
  directory: Pick<Directory, "baseUrl" | "key">,
  method: string,
  path: string,
  body?: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: tests read only what they expect
): Promise<{ status: number; body: any; id: string }> {
  const response = await fetch(directory.baseUrl + path, {
    method,
    headers: { Authorization: `Bearer ${directory.key}`, "Content-Type": "application/scim+json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text ? JSON.parse(text) : undefined,
    id: response.headers.get("Usher-Message-Id") ?? "",
  };
}

/** Returns the SCIM document of a user. */
export function user(userName: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName, ...more };
}

/** Returns the SCIM document of a group with these members. */
export function group(displayName: string, ids: string[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName,
    members: ids.map((value) => ({ value })),
    ...more,
  };
}

/** Creates a resource as an identity provider does, and returns its id. */
export async function create(
  directory: Directory,
  path: "/Users" | "/Groups",
  document: Record<string, unknown>,
): Promise<string> {
  const made = await message(directory, "POST", path, document);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.id;
}

/** Waits until access includes everything that was sent. */
export async function caughtUp(organization: string): Promise<void> {
  await rest("POST", `organizations/${organization}/access:wait`, { timeout: "60s" });
}

/** Adds a rule that gives the members of a group a role in the tenant "production", and creates this tenant if it is missing. */
export async function newRule(organization: string, groupName: string, roleId: string): Promise<string> {
  const { tenants } = await rest("GET", `organizations/${organization}/tenants`);
  if (tenants.length === 0) {
    await rest("POST", `organizations/${organization}/tenants`, { id: "production", displayName: "Production" });
  }
  const made = await rest("POST", `organizations/${organization}/rules`, {
    displayName: groupName,
    group: { displayName: groupName },
    grants: [{ tenantId: "production", roleId }],
  });
  return made.rule.id;
}

/** Runs a rule sync to its end. */
export async function syncRules(organization: string): Promise<string> {
  const { sync } = await rest("POST", `organizations/${organization}/syncs`, {});
  await vi.waitFor(
    async () => {
      const now = await rest("GET", `organizations/${organization}/syncs/${sync.id}`);
      expect(now.sync.state).toBe("SYNC_STATE_DONE");
    },
    { timeout: patience, interval: 200 },
  );
  return sync.id;
}

/**
 * Owns the work on an organization's access instead of the Usher that runs, as another process could, until the returned function is called.
 * Meanwhile a rule sync waits.
 */
export async function holdWork(organization: string): Promise<() => Promise<void>> {
  const sql = (statement: string) =>
    promisify(execFile)("sqlite3", ["-cmd", ".timeout 20000", world.RuleDatabase, statement]);
  const lease = (duration: number) =>
    `UPDATE organizations SET owner_id = 'another-process', owner_token = owner_token + 1,
       owner_expire_time = ${(Date.now() + duration) * 1000} WHERE organization_id = '${organization}'`;
  let holding = true;
  await sql(lease(5_000));
  const held = (async () => {
    while (holding) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await sql(lease(5_000));
    }
    await sql(lease(0));
  })();
  return () => {
    holding = false;
    return held;
  };
}

/** Sends many messages, some at a time. */
export async function each<T>(
  all: T[],
  atOnce: number,
  send: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  const rest = [...all.entries()];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = rest.shift(); next; next = rest.shift()) {
        await send(next[1], next[0]);
      }
    }),
  );
}

/** Returns an expression for a text in which names are isolated: such a name has an invisible character at each end. */
export function said(text: string): RegExp {
  const invisible = "[\\u2068\\u2069]*";
  return new RegExp(
    text
      .split(/( |[.,:](?= |$))/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(invisible),
  );
}

/** Acts as an identity provider: it creates users and groups, and then changes them. */
export async function simulate(directory: Pick<Directory, "baseUrl" | "key">, ...flags: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(world.Usher, ["simulate", "--base-url", directory.baseUrl, ...flags], {
    env: { ...process.env, USHER_KEY: directory.key },
  });
  return stdout;
}
