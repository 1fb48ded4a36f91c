import { expect, test } from "vitest";
import { troubleOf } from "./reach";

test.each([
  ["https://scim.example.com/scim/v2/1", ""],
  ["http://scim.example.com/scim/v2/1", "plain"],
  ["http://127.0.0.1:18080/scim", "loopback"],
  ["https://localhost:8443/scim", "loopback"],
  ["http://[::1]:8080/scim", "loopback"],
  ["https://127.example.com/scim", ""],
  ["", ""],
])("the trouble with %s is %j", (address, trouble) => {
  expect(troubleOf(address)).toBe(trouble);
});
