import { useQuery, useQueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { answer, api } from "../api/client";
import { button, enter, eventually, field, press, says, show, shown, until } from "../test/page";
import { refusal, requests, serve } from "../test/server";
import { Newer } from "./Newer";
import { Failure } from "./States";
import { useEdit } from "./useEdit";

const path = "/api/v1/organizations/{organizationId}/rules/{id}";
const params = { path: { organizationId: "acme", id: "1" } };
const label = "N";

/** A form with the name of a rule. */
function Form() {
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ["rule"], queryFn: () => answer(api.GET(path, { params })) });
  return data?.rule ? (
    <Fields
      name={data.rule.displayName ?? ""}
      etag={data.rule.etag}
      changed={() => queries.invalidateQueries({ queryKey: ["rule"] })}
    />
  ) : null;
}

function Fields({ name, etag, changed }: { name: string; etag: string; changed: () => Promise<void> }) {
  const edit = useEdit({
    value: { name },
    version: etag,
    send: async ({ name }, _, etag) => {
      const { rule } = await answer(api.PATCH(path, { params, body: { displayName: name, etag } }));
      return rule ? { value: { name: rule.displayName ?? "" }, version: rule.etag } : undefined;
    },
    changed,
  });
  return (
    <>
      <label htmlFor="name">{label}</label>
      <input id="name" value={edit.draft.name} onChange={(event) => edit.set({ name: event.currentTarget.value })} />
      <button type="button" id="save" onClick={edit.save} disabled={!edit.edited} />
      <Newer edit={edit} />
      {edit.error && <Failure error={edit.error} />}
      <output>{`${edit.saved} ${etag}`}</output>
    </>
  );
}

const rule = (displayName: string, etag: string) => ({ rule: { id: "1", displayName, etag, grants: [] } });
const value = async () => (await field(label)).value;
const save = async () => (await until(() => document.querySelector<HTMLButtonElement>("#save:not(:disabled)"))).click();
const discard = "Discard my changes and show the new version";

/** Shows the form of a rule that the API has, and returns how to read it again. */
function open() {
  serve({ "GET rules/1": rule("old", "v1") });
  const { queries } = show(<Form />);
  return () => queries.invalidateQueries({ queryKey: ["rule"] });
}

test("a form without edits follows what somebody else saves", async () => {
  const again = open();
  expect(await value()).toBe("old");
  serve({ "GET rules/1": rule("theirs", "v2") });
  await again();
  await eventually(async () => expect(await value()).toBe("theirs"));
  expect(button(discard)).toBeUndefined();
});

test("edits stay when somebody else saves, are not saved over it, and can be discarded", async () => {
  const again = open();
  await enter(label, "mine");
  serve({ "GET rules/1": rule("theirs", "v2"), "PATCH rules/1": () => refusal(409, "CONFLICT") });
  await again();
  await until(() => button(discard));
  expect(await value()).toBe("mine");
  await save();
  await says("Somebody else changed this");
  expect(requests("PATCH", "rules/1")[0]?.body).toEqual({ displayName: "mine", etag: "v1" });
  expect(await value()).toBe("mine");
  await press(discard);
  await eventually(async () => expect(await value()).toBe("theirs"));
  expect(shown()).not.toContain("Somebody else");
  serve({ "PATCH rules/1": rule("mine", "v3") });
  await enter(label, "mine");
  await save();
  await eventually(() => expect(requests("PATCH", "rules/1")[1]?.body.etag).toBe("v2"));
});

test("a refusal because of a change that the page has not read shows the new version", async () => {
  open();
  await enter(label, "mine");
  serve({ "GET rules/1": rule("theirs", "v2"), "PATCH rules/1": () => refusal(409, "CONFLICT") });
  await save();
  await until(() => button(discard));
});

test("what is saved is shown as Usher stored it, and is no change of somebody else", async () => {
  open();
  await enter(label, " mine ");
  serve({ "PATCH rules/1": rule("mine", "v2") }); // the next reading is still the old one
  await save();
  await says("true");
  expect(await value()).toBe("mine");
  serve({ "GET rules/1": rule("mine", "v2"), "PATCH rules/1": rule("more", "v3") });
  await enter(label, "more");
  await save();
  await eventually(() => expect(requests("PATCH", "rules/1")[1]?.body).toEqual({ displayName: "more", etag: "v2" }));
  expect(button(discard)).toBeUndefined();
});

test("a change of something else keeps the edits, which can be saved", async () => {
  const again = open();
  await enter(label, "mine");
  serve({ "GET rules/1": rule("old", "v2"), "PATCH rules/1": rule("mine", "v3") });
  await again();
  await says("false v2");
  expect(button(discard)).toBeUndefined();
  await save();
  await eventually(() => expect(requests("PATCH", "rules/1")[0]?.body.etag).toBe("v2"));
});
