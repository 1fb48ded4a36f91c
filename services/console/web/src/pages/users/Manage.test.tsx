import { expect, test } from "vitest";
import type { Schemas } from "../../api/client";
import { enter, field, press, says, show } from "../../test/page";
import { requests, serve } from "../../test/server";
import { Manage } from "./Manage";

const user: Schemas["User"] = {
  organizationId: "acme",
  id: "u",
  directoryId: "d",
  userName: "ann",
  displayName: "Ann ",
  email: "ann@example.com",
  externalId: "",
  active: true,
  detached: true,
  roleValues: [],
  groupIds: [],
  revision: "7",
  updateTime: "",
};

test("only what was changed of a detached user is sent, and the form says that it is saved", async () => {
  serve({ "PATCH users/u": { user: { ...user, email: "", revision: "8" }, changeCursor: "" } });
  show(<Manage user={user} />);
  await enter("E-mail", "");
  await press("Save");
  await says("Saved. Access follows in a moment.");
  expect((await field("E-mail")).value).toBe("");
  const [sent] = requests("PATCH", "users/u");
  expect(sent?.body).toEqual({ email: "" });
  expect(sent?.search.get("revision")).toBe("7");
});
