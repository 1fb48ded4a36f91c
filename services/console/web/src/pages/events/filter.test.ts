import { expect, test } from "vitest";
import { queryOf, readFilter, writeFilter } from "./filter";

test("the address has the filters, and nothing that is the default", () => {
  const search = "state=all&directory=d1&reason=LIMIT&message=m1&from=2026-01-30&to=2026-01-31";
  expect(new URLSearchParams(writeFilter(readFilter(new URLSearchParams(search)))).toString()).toBe(search);
  expect(writeFilter(readFilter(new URLSearchParams("state=nonsense&other=1")))).toEqual({});
});

test("a day counts as a whole, in the reader's time zone", () => {
  const query = queryOf(readFilter(new URLSearchParams("from=2026-01-31&to=2026-01-31")));
  expect(query.startTime).toBe(new Date(2026, 0, 31).toISOString());
  expect(query.endTime).toBe(new Date(2026, 1, 1).toISOString());
});

test("what is no day limits nothing", () => {
  expect(queryOf(readFilter(new URLSearchParams("from=yesterday&to=2026-1")))).toEqual({ openOnly: true });
});
