// Creates, reads and changes a rule with the types that the description gives.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

const [address] = process.argv.slice(2);
const token = process.env.USHER_TOKEN;
const usher = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${token}` } });

// must gives what an operation answered, or ends the program with what is wrong.
function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const wanted: components["schemas"]["RuleInput"] = {
  displayName: "Designers design",
  group: { displayName: "Designers" },
  grants: [{ tenantId: "production", roleId: "designer" }],
};
const path = { organizationId: "demo" };
const { rule } = must(await usher.POST("/api/v1/organizations/{organizationId}/rules", { params: { path }, body: wanted }));
const of = { params: { path: { ...path, id: rule.id } } };
must(await usher.PATCH("/api/v1/organizations/{organizationId}/rules/{id}", { ...of, body: { enabled: false } }));
const changed = must(await usher.GET("/api/v1/organizations/{organizationId}/rules/{id}", of)).rule;
if (changed.enabled !== false || changed.displayName !== wanted.displayName || changed.grants[0]?.roleId !== "designer") {
  throw new Error(`the rule is ${JSON.stringify(changed)}`);
}
const refused = await usher.GET("/api/v1/organizations/{organizationId}/rules/{id}", { params: { path: { ...path, id: "none" } } });
if (refused.error?.details[0]?.["@type"] !== "type.googleapis.com/google.rpc.ErrorInfo") {
  throw new Error(`the refusal is ${JSON.stringify(refused.error)}`);
}
