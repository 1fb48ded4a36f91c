import { useState } from "react";
import { expect, test } from "vitest";
import { enter, eventually, says, show, shown } from "../../test/page";
import { type Asked, requests, serve } from "../../test/server";
import { newDraft } from "./draft";
import { Preview } from "./Preview";

const label = "N";

function Form() {
  const [group, setGroup] = useState("");
  return (
    <>
      <label htmlFor="group">{label}</label>
      <input id="group" value={group} onChange={(event) => setGroup(event.currentTarget.value)} />
      <Preview organization="acme" draft={{ ...newDraft(), group }} stored={false} onGroup={setGroup} />
    </>
  );
}

test("the answer to an earlier draft is not shown beside a new one", async () => {
  const answers = { one: 1, two: 2 } as Record<string, number>;
  serve({
    "POST rules:preview": ({ body }: Asked) => ({
      count: { users: answers[body.group.displayName], atLeast: false, lookedAt: 0, exampleUserIds: [] },
      groupIds: ["g"],
    }),
  });
  show(<Form />);
  await says("Choose the users first.");
  await enter(label, "one");
  await says("1 user");
  await enter(label, "two");
  await eventually(() => expect(shown()).not.toContain("1 user"));
  expect(shown()).toContain("counting");
  await says("2 users");
  await enter(label, "");
  await says("Choose the users first.");
  expect(shown()).not.toContain("2 users");
  expect(requests("POST", "rules:preview")).toHaveLength(2);
});
