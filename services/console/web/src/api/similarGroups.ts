import { useQuery } from "@tanstack/react-query";
import { answer, api, type Schemas } from "./client";

type Group = Schemas["Group"];

/** How many similar groups there are at most. */
const most = 3;

/** How many groups one search reads. */
const read = 100;

/** How much of a name is compared, in characters: a name can have a thousand. */
const compared = 100;

/** Finds groups whose names are nearly a name that no group has, among those of one directory, or of all if its id is empty. */
export function useSimilarGroups(organizationId: string, name: string, directoryId = "", enabled = true) {
  return useQuery({
    queryKey: ["similarGroups", organizationId, directoryId, name],
    queryFn: ({ signal }) => readSimilarGroups(organizationId, name, directoryId, signal),
    enabled: enabled && name.trim() !== "",
    retry: false,
    staleTime: 30_000,
  }).data;
}

/** A search finds the beginning of a name alone, so it begins with a long one and goes on with shorter ones until there is enough. */
async function readSimilarGroups(organizationId: string, name: string, directoryId: string, signal: AbortSignal) {
  const found = new Map<string, Group>();
  let similar: Group[] = [];
  for (const query of beginningsOf(name)) {
    const { groups } = await answer(
      api.GET("/api/v1/organizations/{organizationId}/groups:search", {
        params: { path: { organizationId }, query: { query, pageSize: read, ...(directoryId && { directoryId }) } },
        signal,
      }),
    );
    for (const group of groups) {
      found.set(group.id, group);
    }
    similar = mostSimilar(name, [...found.values()]);
    if (similar.length === most) {
      break;
    }
  }
  return similar;
}

const folded = (name: string) => Array.from(name.trim().toLowerCase()).slice(0, compared);

/** Returns the beginnings of a name to search for: most of it, its first word, and its first four characters. */
export function beginningsOf(name: string): string[] {
  const characters = Array.from(name.trim()).slice(0, compared);
  const [word = ""] = name.trim().split(/[\s\-_./]+/);
  return [
    ...new Set(
      [
        characters.slice(0, Math.ceil(characters.length * 0.75)),
        Array.from(word).slice(0, compared),
        characters.slice(0, 4),
      ]
        .map((part) => part.join("").trim())
        .filter(Boolean),
    ),
  ];
}

/** Returns the groups whose names are most like a name, without those that have it. Of groups with one name, it returns one. */
export function mostSimilar<G extends Pick<Group, "displayName">>(name: string, groups: G[]): G[] {
  const wanted = folded(name);
  return groups
    .map((group) => ({ group, other: folded(group.displayName) }))
    .map(({ group, other }) => ({ group, other, distance: distanceOf(wanted, other) }))
    .filter(({ other, distance }) => distance > 0 && (isNear(wanted, other, distance) || isBeginning(wanted, other)))
    .sort((a, b) => a.distance - b.distance)
    .filter(({ other }, at, all) => all.findIndex((one) => one.other.join("") === other.join("")) === at)
    .slice(0, most)
    .map(({ group }) => group);
}

function isNear(a: string[], b: string[], distance: number): boolean {
  return distance <= Math.max(2, Math.max(a.length, b.length) * 0.4);
}

function isBeginning(a: string[], b: string[]): boolean {
  return b.join("").startsWith(a.join("")) || a.join("").startsWith(b.join(""));
}

/** Returns how many characters must be added, removed or replaced to make one name of the other. */
function distanceOf(a: string[], b: string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (const [i, one] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (one === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
