import { useQueries, useQueryClient } from "@tanstack/react-query";
import { answer, api, type Schemas } from "./client";
import { sometimes, useLive } from "./live";
import { walk } from "./pages";
import { useMay } from "./session";

export type Rule = Schemas["Rule"];
export type Problem = Schemas["RuleProblem"];

/** Reads all rules of an organization. There are 1,000 at most. */
export function useRules(organizationId: string, enabled = true) {
  const list = useLive(
    ["rules", organizationId],
    () =>
      walk((pageToken) =>
        answer(
          api.GET("/api/v1/organizations/{organizationId}/rules", {
            params: { path: { organizationId }, query: { pageSize: 1000, pageToken } },
          }),
        ),
      ),
    sometimes,
    enabled,
  );
  return { ...list, rules: list.data?.pages.flatMap((page) => page.rules) };
}

/** Reads what is wrong with the rules, by the id of the rule; `problems` is undefined until it is known. */
export function useRuleProblems(organizationId: string) {
  const { data, error, refetch, dataUpdatedAt } = useLive(
    ["ruleProblems", organizationId],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/rules:problems", { params: { path: { organizationId } } }),
      ),
    sometimes,
    useMay("READ_ACCESS", "MANAGE_RULES"),
  );
  const byRule = new Map<string, Problem[]>();
  for (const problem of data?.problems ?? []) {
    byRule.set(problem.ruleId, [...(byRule.get(problem.ruleId) ?? []), problem]);
  }
  return { problems: data && byRule, error, refetch, dataUpdatedAt };
}

/** Returns what makes the pages read again what a change of rules changes. */
export function useRulesChanged(organizationId: string): () => Promise<unknown> {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      ["rule", "rules", "ruleProblems", "ruleMatches", "accessStatus", "syncs", "explanation"].map((key) =>
        queries.invalidateQueries({ queryKey: [key, organizationId] }),
      ),
    );
}

/** How many rules one request counts. */
const batch = 20;

/** How many users a rule matches. "failed": it could not be counted. Undefined: it is being counted. */
export type Matches = Schemas["MatchCount"] | "failed" | undefined;

/**
 * Counts whom rules match, by the id of the rule. `all` are the rules of the page, and `wanted` those of them that the reader sees: a search
 * that shows others asks for the same batches again, and so the cache has them.
 */
export function useRuleMatches(organizationId: string, all: string[], wanted: string[]): (ruleId: string) => Matches {
  const seen = new Set(wanted);
  const batches: string[][] = [];
  for (let from = 0; from < all.length; from += batch) {
    const some = all.slice(from, from + batch);
    if (some.some((id) => seen.has(id))) {
      batches.push(some);
    }
  }
  const results = useQueries({
    queries: batches.map((some) => ({
      queryKey: ["ruleMatches", organizationId, some],
      queryFn: ({ signal }: { signal: AbortSignal }) => countMatches(organizationId, some, signal),
      staleTime: 60_000, // it says when it was counted; nobody reads it again while nobody uses the page
    })),
  });
  const counts = new Map<string, Matches>();
  for (const [n, { data, error }] of results.entries()) {
    for (const id of batches[n] ?? []) {
      counts.set(id, data ? (data.get(id) ?? "failed") : error ? "failed" : undefined);
    }
  }
  return (id) => counts.get(id);
}

/** Counts until each rule is counted, or no more rule can be. */
async function countMatches(
  organizationId: string,
  ids: string[],
  signal: AbortSignal,
): Promise<Map<string, Schemas["MatchCount"]>> {
  const counted = new Map<string, Schemas["MatchCount"]>();
  for (let rest = ids; rest.length > 0; ) {
    const page: Schemas["CountRuleMatchesResponse"] = await answer(
      api.POST("/api/v1/organizations/{organizationId}/rules:countMatches", {
        params: { path: { organizationId } },
        body: { ids: rest },
        signal,
      }),
    );
    for (const { ruleId, count } of page.counts) {
      if (count) {
        counted.set(ruleId, count);
      }
    }
    rest = page.remainingIds.length < rest.length ? page.remainingIds : [];
  }
  return counted;
}

/** Reads how current access is, and which changes of rules wait for a rule sync. */
export function useAccessStatus(organizationId: string) {
  return useLive(
    ["accessStatus", organizationId],
    () =>
      answer(api.GET("/api/v1/organizations/{organizationId}/access:status", { params: { path: { organizationId } } })),
    sometimes,
    useMay("READ_ACCESS", "MANAGE_RULES"),
  );
}

/** The rules that an organization can begin with: the members of each group get the role of this name. */
export const defaultRules = [
  { group: "Participants", roleId: "participant" },
  { group: "Designers", roleId: "designer" },
  { group: "Developers", roleId: "developer" },
  { group: "Automation Admins", roleId: "automation-admin" },
  { group: "Administrators", roleId: "global-admin" },
] as const;

type DefaultRule = (typeof defaultRules)[number];

/** Reports whether a rule does what a default rule does: Usher ignores the case of the name of a group. */
function isLike(rule: Pick<Rule, "group" | "grants">, { group, roleId }: DefaultRule): boolean {
  return (
    rule.group?.displayName.toLowerCase() === group.toLowerCase() &&
    rule.grants.some((grant) => grant.roleId === roleId)
  );
}

/**
 * Returns the default rules that are missing, as long as the organization has no other rules than these: it is at the beginning, or somebody
 * could add only some of them.
 */
export function missingDefaults(rules: Pick<Rule, "group" | "grants">[]): DefaultRule[] {
  const begins = rules.every((rule) => defaultRules.some((one) => isLike(rule, one)));
  return begins ? defaultRules.filter((one) => !rules.some((rule) => isLike(rule, one))) : [];
}
