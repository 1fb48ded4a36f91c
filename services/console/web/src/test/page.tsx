import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { createMemoryRouter, RouterProvider } from "react-router";
import { expect, vi } from "vitest";
import { type Scope, type Session, SessionContext } from "../api/session";
import { mounted } from "./server";

/** How long something that must happen can take on a slow computer. */
const patience = { timeout: 15_000, interval: 10 };

const allScopes: Scope[] = [
  "MANAGE_DIRECTORIES",
  "MANAGE_RULES",
  "GRANT_ACCESS",
  "READ_PEOPLE",
  "READ_ACCESS",
  "READ_EVENTS",
];

interface Options {
  /** The pattern of the page's path below the organization, such as "users/:user". */
  path?: string;
  /** Where the page is below the organization, such as "users/1". */
  at?: string;
  scopes?: Scope[];
  kind?: Session["kind"];
}

/** Shows a page of the organization "acme" to an admin. */
export function show(element: ReactNode, { path = "*", at = "", scopes = allScopes, kind }: Options = {}) {
  const session: Session = {
    kind: kind ?? "PRINCIPAL_KIND_ORGANIZATION_ADMIN",
    organizationId: kind === "PRINCIPAL_KIND_OPERATOR" ? "" : "acme",
    scopes: new Set(scopes),
    subject: "olga",
    oneDirectory: false,
    directoryId: "",
    portalLink: false,
    traceUrl: "",
    adminUrl: "",
    publicUrl: "",
    version: "",
    csrfToken: "",
  };
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const router = createMemoryRouter([{ path: `/organizations/:organization/${path}`, element }], {
    initialEntries: [`/organizations/acme/${at}`],
  });
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  mounted(root);
  root.render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <SessionContext value={session}>
          <RouterProvider router={router} />
        </SessionContext>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { queries, router };
}

/** Returns what is on the page, without the characters that isolate names. */
export function shown(): string {
  return (document.body.textContent ?? "").replace(/[\u2066-\u2069]/g, "");
}

/** Waits until something is there, and returns it. */
export function until<T>(find: () => T | false | null | undefined): Promise<T> {
  return vi.waitUntil(find, patience) as Promise<T>;
}

/** Waits until an assertion holds. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, patience);
}

/** Waits until the page says something. */
export function says(words: string): Promise<void> {
  return vi.waitFor(() => expect(shown()).toContain(words), patience);
}

/** Returns the button with a name, if there is one. */
export function button(name: string): HTMLButtonElement | undefined {
  return [...document.querySelectorAll("button")].find((one) => one.textContent === name);
}

/** Waits for a button, and presses it. */
export async function press(name: string): Promise<void> {
  (await until(() => button(name))).click();
}

/** Returns the field with a label, when it is there. */
export function field(label: string): Promise<HTMLInputElement> {
  return until(() => {
    const found = [...document.querySelectorAll("label")].find((one) => one.textContent?.replace(" *", "") === label);
    return found && (document.getElementById(found.htmlFor) as HTMLInputElement | null);
  });
}

/** Enters a text in a field, as somebody does who types. */
export async function enter(label: string, value: string): Promise<void> {
  const input = await field(label);
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value")?.set?.call(input, value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Chooses an option of a select. */
export async function choose(label: string, value: string): Promise<void> {
  const select = (await field(label)) as unknown as HTMLSelectElement;
  await until(() => [...select.options].some((option) => option.value === value));
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}
