import { beforeEach, expect, test } from "vitest";
import { choose, eventually, says, show, shown } from "../../test/page";
import { requests, serve } from "../../test/server";
import { Users } from "./Users";

const user = (id: string) => ({
  id,
  directoryId: "d",
  userName: `${id}@example.com`,
  displayName: id,
  email: "",
  active: true,
  detached: false,
});

beforeEach(() =>
  serve({
    "GET directories": { directories: [], nextPageToken: "" },
    "GET users:search": { users: [user("ann"), user("ben")], nextPageToken: "" },
    "GET suspensions": {
      suspensions: [{ userId: "ben", reason: "stolen", suspendedBy: "staff/olga", createTime: new Date() }],
      nextPageToken: "",
    },
    "POST users:batchGet": { users: [user("ben")], remainingIds: [] },
  }),
);

const row = (name: string) => [...document.querySelectorAll("tr")].find((one) => one.textContent?.includes(name));

test("a user whose access is suspended says so in the list", async () => {
  show(<Users />, { path: "users", at: "users" });
  await eventually(() => expect(row("ben@example.com")?.textContent).toContain("SuspendedActive"));
  expect(row("ann@example.com")?.textContent).not.toContain("Suspended");
});

test("the suspended users are a list, with the reason", async () => {
  const { router } = show(<Users />, { path: "users", at: "users" });
  await choose("Show", "suspended");
  await says("stolen");
  await eventually(() => expect(row("ben@example.com")?.textContent).toContain("staff/olga"));
  expect(shown()).not.toContain("ann@example.com");
  expect(router.state.location.search).toBe("?state=suspended");
});

test("a reader who may not read access is offered no list of suspended users", async () => {
  show(<Users />, { path: "users", at: "users?state=suspended", scopes: ["READ_PEOPLE"] });
  await says("ann@example.com");
  expect(shown()).not.toContain("Suspended");
  expect(requests("GET", "suspensions")).toHaveLength(0);
  expect(requests("GET", "users:search")[0]?.search.has("state")).toBe(false);
});
