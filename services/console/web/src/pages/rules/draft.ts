import type { Grant } from "../../api/catalogue";
import type { Schemas } from "../../api/client";
import type { Rule } from "../../api/rules";
import { type Kind, kindOf } from "./match";

/** A rule while somebody edits it. It keeps what was entered for each kind of match. */
export interface Draft {
  displayName: string;
  kind: Kind;
  group: string;
  roleValue: string;
  filter: string;
  grants: Grant[];
}

export function newDraft(): Draft {
  return {
    displayName: "",
    kind: "group",
    group: "",
    roleValue: "",
    filter: "",
    grants: [{ tenantId: "", roleId: "" }],
  };
}

export function draftOf(rule: Rule): Draft {
  return {
    displayName: rule.displayName ?? "",
    kind: kindOf(rule),
    group: rule.group?.displayName ?? "",
    roleValue: rule.roleValue?.value ?? "",
    filter: rule.filter?.filter ?? "",
    grants: rule.grants.map(({ tenantId, roleId }) => ({ tenantId, roleId })),
  };
}

/** Returns what a draft matches, as the API takes it, or undefined while nothing is entered. A blank at an end can be part of a value. */
export function matchOf(draft: Draft) {
  const entered = draft[draft.kind];
  if (!entered.trim()) {
    return undefined;
  }
  switch (draft.kind) {
    case "group":
      return { group: { displayName: entered } };
    case "roleValue":
      return { roleValue: { value: entered } };
    default:
      return { filter: { filter: entered } };
  }
}

/** Returns the parts of a draft that somebody has changed since it was another one, as the API takes them. */
export function changesOf(draft: Draft, from: Draft) {
  const match = draft.kind !== from.kind || draft[draft.kind] !== from[from.kind];
  return {
    ...(draft.displayName !== from.displayName && { displayName: draft.displayName }),
    ...(match && matchOf(draft)),
    ...(JSON.stringify(draft.grants) !== JSON.stringify(from.grants) && { grants: draft.grants }),
  };
}

/** Says which parts of a draft are missing. */
export function missingOf(draft: Draft, roles: Schemas["Role"][]): { match: boolean; grants: boolean; twice: boolean } {
  const needsTenant = (id: string) => roles.find((role) => role.id === id)?.scope === "ROLE_SCOPE_TENANT";
  const keys = draft.grants.map((grant) => `${grant.tenantId} ${grant.roleId}`);
  return {
    match: matchOf(draft) === undefined,
    grants: draft.grants.some((grant) => !grant.roleId || (needsTenant(grant.roleId) && !grant.tenantId)),
    twice: new Set(keys).size < keys.length,
  };
}
