import type { Schemas } from "../../api/client";
import type { Rule } from "../../api/rules";
import { text } from "../../text";

export type Kind = keyof typeof text.rules.kinds;

/** Returns how a rule matches users. */
export function kindOf(rule: Pick<Rule, "group" | "roleValue">): Kind {
  return rule.group ? "group" : rule.roleValue ? "roleValue" : "filter";
}

/** Returns whom a rule matches, in words. */
export function matchInWords(rule: Rule): string {
  const words = text.rules.match;
  if (rule.group) {
    return words.group(rule.group.displayName);
  }
  if (rule.roleValue) {
    return words.roleValue(rule.roleValue.value);
  }
  return rule.filter?.filter ? words.filter(rule.filter.filter) : words.hidden;
}

/** Returns a count in words, such as "10,000+ users". */
export function countInWords(count: Schemas["MatchCount"]): string {
  const words = text.rules;
  return count.lookedAt > 0
    ? count.atLeast
      ? words.usersLookedAt(count.users, count.lookedAt)
      : words.users(count.users, false)
    : words.users(count.users, count.atLeast);
}

/** Reports whether a rule contains a text, in its name, its match or its grants. */
export function contains(rule: Rule, search: string, grants: string[]): boolean {
  const wanted = search.trim().toLowerCase();
  return [rule.displayName ?? "", matchInWords(rule), ...grants].some((part) => part.toLowerCase().includes(wanted));
}

/** Returns the place of an error in a filter, in characters, from its place in bytes. */
export function characterAt(filter: string, byte: number): number {
  let bytes = 0;
  let characters = 0;
  for (const character of filter) {
    if (bytes >= byte) {
      break;
    }
    bytes += new TextEncoder().encode(character).length;
    characters += character.length;
  }
  return characters;
}

/** Returns how many of something there are in words, for a list that shows the first few. */
export function firstOf<T>(all: T[], most: number): { shown: T[]; more: string } {
  return { shown: all.slice(0, most), more: all.length > most ? text.rules.moreGrants(all.length - most) : "" };
}

export const rulesShown = 50;
