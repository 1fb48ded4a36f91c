import { useSearchParams } from "react-router";
import { expect, onTestFinished, test, vi } from "vitest";
import { enter, eventually, field, show } from "../test/page";
import { useTyped } from "./useTyped";

const label = "N";

function Field() {
  const [search, setSearch] = useSearchParams();
  const [typed, setTyped] = useTyped(search.get("find") ?? "", (find) => setSearch({ find }, { replace: true }));
  return (
    <>
      <label htmlFor="find">{label}</label>
      <input id="find" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
    </>
  );
}

const value = async () => (await field(label)).value;

test("a search field follows the address, and the address follows what is typed", async () => {
  const { router } = show(<Field />, { at: "?find=first" });
  expect(await value()).toBe("first");
  await router.navigate("?find=second");
  await eventually(async () => expect(await value()).toBe("second"));
  await router.navigate(-1);
  await eventually(async () => expect(await value()).toBe("first"));

  await enter(label, "typed");
  await eventually(() => expect(router.state.location.search).toBe("?find=typed"));
  await router.navigate("?"); // such as the link to the page itself
  await eventually(async () => expect(await value()).toBe(""));
});

test("what somebody goes on to type stays when the address follows", async () => {
  const { router } = show(<Field />);
  const texts = ["a", "ab", "abc", "ab", "a"];
  for (const text of texts) {
    await enter(label, text);
    await eventually(() => expect(router.state.location.search).toBe(`?find=${text}`));
    await enter(label, `${text}…`);
    expect(await value()).toBe(`${text}…`);
  }
});

test("a text that is not committed yet does not undo a link", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  const { router } = show(<Field />);
  await enter(label, "typed");
  await router.navigate("?find=linked");
  await eventually(async () => expect(await value()).toBe("linked"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(router.state.location.search).toBe("?find=linked");
});
