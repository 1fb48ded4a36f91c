import { useQueries } from "@tanstack/react-query";
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

/** Reads what is wrong with the rules, by the id of the rule; undefined until it is known. */
export function useRuleProblems(organizationId: string): Map<string, Problem[]> | undefined {
  const { data } = useLive(
    ["ruleProblems", organizationId],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/rules:problems", { params: { path: { organizationId } } }),
      ),
    sometimes,
  );
  if (!data) {
    return undefined;
  }
  const byRule = new Map<string, Problem[]>();
  for (const problem of data.problems) {
    byRule.set(problem.ruleId, [...(byRule.get(problem.ruleId) ?? []), problem]);
  }
  return byRule;
}

/** How many rules one request counts. */
const batch = 20;

/** Counts whom rules match, by the id of the rule. A rule that is not counted yet is not in the result. */
export function useRuleMatches(organizationId: string, ids: string[]): Map<string, Schemas["MatchCount"]> {
  const batches: string[][] = [];
  for (let from = 0; from < ids.length; from += batch) {
    batches.push(ids.slice(from, from + batch));
  }
  const results = useQueries({
    queries: batches.map((some) => ({
      queryKey: ["ruleMatches", organizationId, some],
      queryFn: () => countMatches(organizationId, some),
      staleTime: 60_000, // it says when it was counted; nobody reads it again while nobody uses the page
    })),
  });
  return new Map(results.flatMap(({ data }) => data ?? []));
}

async function countMatches(organizationId: string, ids: string[]): Promise<[string, Schemas["MatchCount"]][]> {
  const counted: [string, Schemas["MatchCount"]][] = [];
  for (let rest = ids; rest.length > 0; ) {
    const page: Schemas["CountRuleMatchesResponse"] = await answer(
      api.POST("/api/v1/organizations/{organizationId}/rules:countMatches", {
        params: { path: { organizationId } },
        body: { ids: rest },
      }),
    );
    for (const { ruleId, count } of page.counts) {
      if (count) {
        counted.push([ruleId, count]);
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
