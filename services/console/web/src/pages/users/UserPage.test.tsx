import { expect, test } from "vitest";
import type { Scope } from "../../api/session";
import { button, enter, eventually, press, says, show, shown, until } from "../../test/page";
import { type Asked, requests, serve } from "../../test/server";
import { UserPage } from "./UserPage";

const id = "0196f2c4-7d1e-7b3a-9c55-3f1d2e4a6b70";
const open = (scopes?: Scope[]) =>
  show(<UserPage />, { path: "users/:user", at: `users/${id}`, ...(scopes && { scopes }) });

const suspension = { organizationId: "acme", userId: id, reason: "stolen", suspendedBy: "olga", createTime: "" };

test.each([
  ["does not answer", 503],
  ["does not know the user", 404],
])("access can be suspended while the identity service %s", async (_, status) => {
  serve({
    [`GET users/${id}`]: status,
    [`GET users/${id}/access:explain`]: status,
    "GET access": { access: [], nextPageToken: "" },
    "GET suspensions": { suspensions: [], nextPageToken: "" },
    [`POST users/${id}/access:suspend`]: () => {
      serve({ "GET suspensions": { suspensions: [suspension], nextPageToken: "" } });
      return { suspension, warning: "" };
    },
    [`POST users/${id}/access:resume`]: {},
  });
  open();
  await press("Suspend all access");
  await enter("Reason, for those who read it later", "stolen");
  const send = await until(() => {
    const [, inDialog] = [...document.querySelectorAll("button")].filter(
      (one) => one.textContent === "Suspend all access",
    );
    return inDialog && !inDialog.disabled && inDialog;
  });
  send.click();
  await says("Suspended: somebody has taken all access away.");
  await says("stolen");
  expect(requests("POST", `users/${id}/access:suspend`)[0]?.body).toEqual({ reason: "stolen" });
  await press("Resume access");
});

test("access can be suspended while nobody can say whether it is", async () => {
  serve({
    [`GET users/${id}`]: 503,
    [`GET users/${id}/access:explain`]: 503,
    "GET access": 503,
    "GET suspensions": 503,
  });
  open();
  await until(() => button("Suspend all access"));
});

test("nobody is offered to suspend a user of another organization, or without the right", async () => {
  serve({
    [`GET users/${id}`]: 403,
    "GET access": { access: [], nextPageToken: "" },
    "GET suspensions": { suspensions: [], nextPageToken: "" },
  });
  open();
  await says("You may not see this");
  await eventually(() => expect(requests("GET", "suspensions")).toHaveLength(1));
  expect(button("Suspend all access")).toBeUndefined();
});

test("a reader without the right to grant is not offered a suspension", async () => {
  serve({
    [`GET users/${id}`]: 404,
    "GET access": { access: [], nextPageToken: "" },
    "GET suspensions": { suspensions: [suspension], nextPageToken: "" },
  });
  open(["READ_ACCESS"]);
  await says("Suspended: somebody has taken all access away.");
  expect(shown()).not.toContain("Resume access");
});

test("a user with more access than a page has the rest behind a button", async () => {
  const held = (roleId: string) => ({
    organizationId: "acme",
    userId: id,
    tenantId: "production",
    roleId,
    effective: true,
    sources: [{ kind: "SOURCE_KIND_MANUAL", grantedBy: "olga", createTime: "" }],
  });
  serve({
    [`GET users/${id}`]: {
      user: {
        organizationId: "acme",
        id,
        userName: "ann",
        displayName: "",
        active: true,
        detached: false,
        roleValues: [],
      },
      document: "",
    },
    [`GET users/${id}/access:explain`]: { rules: [], suspension: null, setAsideDetail: "" },
    "GET access": ({ search }: Asked) =>
      search.get("pageToken")
        ? { access: [held("second")], nextPageToken: "" }
        : { access: [held("first")], nextPageToken: "more" },
    "GET suspensions": { suspensions: [], nextPageToken: "" },
  });
  open();
  await says("first in production");
  expect(shown()).not.toContain("Access by hand");
  await press("Show more");
  await says("second in production");
  await says("Access by hand");
});
