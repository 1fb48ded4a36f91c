import { answer, api, type Schemas } from "../../api/client";
import { type Names, readNames } from "../../api/people";
import type { text } from "../../text";

type Held = Schemas["Access"];

/** A kind of source that the list can be limited to; "" for all. */
export type Kind = keyof typeof text.access.sources;

export interface Filter {
  tenant: string;
  role: string;
  source: Kind;
}

/** One page of the list. */
export interface Holders {
  access: Held[];
  names: Map<string, Names>;
  /** How many were read to find these. */
  looked: number;
  nextPageToken: string;
}

/** How many lines a page has. */
const pageSize = 50;

/**
 * Usher cannot find access by its source, so the page looks through what it reads. It then reads this many lines at once, and this many times
 * at most, until it has a page: the reader decides whether it goes on.
 */
const lookedAtOnce = 500;
const mostReads = 10;

/** Returns from where an access comes. `rules` are the ids of all rules; without them, no rule counts as deleted. */
export function kindsOf(access: Pick<Held, "sources">, rules: Set<string> | undefined): Set<Kind> {
  const kinds = new Set<Kind>();
  for (const source of access.sources) {
    if (source.keep || source.retained) {
      kinds.add("kept");
    }
    if (source.kind === "SOURCE_KIND_MANUAL") {
      kinds.add("manual");
    } else if (rules && !rules.has(source.ruleId)) {
      kinds.add("gone");
    } else if (!source.retained) {
      kinds.add("rule");
    }
  }
  return kinds;
}

/** Reads who holds what, a page from a token on, and the names of these users. */
export async function readHolders(
  organizationId: string,
  { tenant, role, source }: Filter,
  rules: Set<string> | undefined,
  pageToken: string,
): Promise<Holders> {
  const access: Held[] = [];
  let looked = 0;
  let token = pageToken;
  for (let reads = 0; reads < mostReads; reads++) {
    const page: Schemas["ListAccessResponse"] = await answer(
      api.GET("/api/v1/organizations/{organizationId}/access", {
        params: {
          path: { organizationId },
          query: { tenantId: tenant, roleId: role, pageSize: source ? lookedAtOnce : pageSize, pageToken: token },
        },
      }),
    );
    looked += page.access.length;
    access.push(...page.access.filter((one) => !source || kindsOf(one, rules).has(source)));
    token = page.nextPageToken;
    if (!token || !source || access.length >= pageSize) {
      break;
    }
  }
  const names = await readNames(
    organizationId,
    access.map(({ userId }) => userId),
  );
  return { access, names, looked, nextPageToken: token };
}
