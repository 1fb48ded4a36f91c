import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { button, eventually, press, says, show, shown, until } from "../../test/page";
import { type Asked, requests, serve } from "../../test/server";
import { SyncPage } from "./SyncPage";
import { Syncs } from "./Syncs";

const sync = (id: string, state: string, usersDone: number) => ({
  id,
  organizationId: "acme",
  state,
  usersDone: String(usersDone),
  usersTotal: "100",
  accessAdded: "0",
  accessRemoved: "0",
  usersSetAside: "0",
  setAsideUserIds: [],
  startedBy: "olga",
  createTime: new Date().toISOString(),
  endTime: null,
  estimatedEndTime: null,
});

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
});

/** Serves two pages of rule syncs, the newest of which is this one. */
function serveSyncs(newest: ReturnType<typeof sync>) {
  serve({
    "GET access:status": { rulesWaitingCount: 1, oldestWaitingTime: null },
    "GET syncs": ({ search }: Asked) =>
      search.get("pageToken")
        ? { syncs: [sync("old", "SYNC_STATE_DONE", 1)], nextPageToken: "" }
        : { syncs: [newest], nextPageToken: search.get("pageSize") === "1" ? "" : "more" },
    "GET syncs/s": { sync: newest },
    "GET accessChanges": { changes: [], nextPageToken: "" },
  });
}

test("the progress of a rule sync goes on after older ones are shown, and its end appears", async () => {
  serveSyncs(sync("s", "SYNC_STATE_RUNNING", 10));
  show(<Syncs />, { path: "syncs", at: "syncs" });
  await says("10 of about 100 users");
  await press("Show more");
  await eventually(() => expect(button("Show more")).toBeUndefined());
  serveSyncs(sync("s", "SYNC_STATE_RUNNING", 60));
  await vi.advanceTimersByTimeAsync(3_000);
  await says("60 of about 100 users");
  const status = requests("GET", "access:status").length;
  serveSyncs(sync("s", "SYNC_STATE_DONE", 100));
  await vi.advanceTimersByTimeAsync(3_000);
  await eventually(() => expect(document.querySelectorAll("tbody tr")).toHaveLength(2));
  expect(shown()).not.toContain("This rule sync runs now");
  await eventually(() => expect(requests("GET", "access:status").length).toBeGreaterThan(status));
});

test("a start and a cancellation read what waits again", async () => {
  serveSyncs(sync("s", "SYNC_STATE_CANCELLED", 10));
  serve({ "POST syncs": { sync: sync("s", "SYNC_STATE_RUNNING", 0) } });
  show(<Syncs />, { path: "syncs", at: "syncs" });
  await press("Start a rule sync");
  const before = requests("GET", "access:status").length;
  const start = await until(() => document.querySelector<HTMLButtonElement>('[role="dialog"] button[type="submit"]'));
  start.click();
  await eventually(() => expect(requests("GET", "access:status").length).toBeGreaterThan(before));
});

test("a change does not wait any more as soon as the first rule sync is done", async () => {
  let started = false;
  let done = false;
  serveSyncs(sync("s", "SYNC_STATE_RUNNING", 0));
  serve({
    "GET access:status": () => ({ rulesWaitingCount: done ? 0 : 1, oldestWaitingTime: null }),
    "GET syncs": () => {
      done = started; // it ends between the start and the first reading
      return { syncs: done ? [sync("s", "SYNC_STATE_DONE", 100)] : [], nextPageToken: "" };
    },
    "POST syncs": () => {
      started = true;
      return { sync: sync("s", "SYNC_STATE_RUNNING", 0) };
    },
  });
  show(<Syncs />, { path: "syncs", at: "syncs" });
  await says("Changes of 1 rule wait for a rule sync.");
  const contradictions: string[] = [];
  const observer = new MutationObserver(() => {
    const page = shown();
    if (started && page.includes("Done") && page.includes("wait for a rule sync.")) {
      contradictions.push(page);
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  onTestFinished(() => observer.disconnect());
  await press("Start a rule sync");
  (await until(() => document.querySelector<HTMLButtonElement>('[role="dialog"] button[type="submit"]'))).click();
  await says("No change of a rule waits.");
  await says("Done");
  expect(contradictions).toEqual([]);
});

test("a rule sync that has ended is not read for ever", async () => {
  serveSyncs(sync("s", "SYNC_STATE_RUNNING", 10));
  show(<SyncPage />, { path: "syncs/:sync", at: "syncs/s" });
  await says("10 of about 100 users");
  await vi.advanceTimersByTimeAsync(3_000);
  await eventually(() => expect(requests("GET", "syncs/s")).toHaveLength(2));
  serveSyncs(sync("s", "SYNC_STATE_DONE", 100));
  await vi.advanceTimersByTimeAsync(3_000);
  await says("Done.");
  await vi.advanceTimersByTimeAsync(1_000);
  const [syncs, changes] = [requests("GET", "syncs/s").length, requests("GET", "accessChanges").length];
  await vi.advanceTimersByTimeAsync(120_000);
  expect(requests("GET", "syncs/s")).toHaveLength(syncs);
  expect(requests("GET", "accessChanges")).toHaveLength(changes);
});
