import { count, isolated } from "./shell";

export const directory = {
  tabs: {
    status: "Status",
    keys: "API keys",
    settings: "Settings",
    dialect: "What it sends",
    end: "Delete or replace",
  },
  tabsLabel: "Parts of the directory",
  continueSetUp: "Continue to set it up",
  guide: "Open the set-up guide",
  lookAtKeys: "Look at the API keys",
  enterKey: "How to enter the new key",
  lookAtEvents: "Look at the failed events",
  replaceIt: "Set up a directory that replaces it",
  baseUrl: "Base URL",
  baseUrlHelp: "The identity provider sends messages to this address.",
  unreachable: "An identity provider in the cloud cannot reach this address",
  unreachableWhy: {
    loopback:
      "It leads each computer to itself, so it is for trials alone. The operator of Usher sets the public address.",
    plain:
      "It does not begin with https. Identity providers in the cloud refuse that, and the API key would travel unprotected. The operator of Usher sets the public address.",
  },
  users: "Users",
  groups: "Groups",
  detached: "they are detached now",
  created: "Created",
  deletedAt: "Deleted",
  mode: "Reads messages",
  lastMessage: "Last message",
  lastFailed: "Last failed message",
  lastRefused: "Last refused for its key",
  refusedCount: (n: number) => `${count(n, "request")} in all`,
  messages: "Messages of the last 30 days",
  chart: (accepted: number, failed: number) =>
    `Messages on each of the last 30 days: ${count(accepted, "message")} accepted, ${failed} failed.`,
  messagesNone: "Nothing has arrived.",
  messagesSum: (accepted: string, failed: string, limited: string) =>
    `${accepted} accepted, ${failed} failed, ${limited} refused because there were too many.`,
  replaces: "Replaces",
  former: "a deleted directory",

  keys: {
    situation: (valid: number) =>
      valid === 0
        ? "No API key is valid, so the identity provider cannot send anything."
        : `${count(valid, "API key is", "API keys are")} valid.`,
    create: "Create an API key",
    createText: "A directory can have several valid keys. So you can replace one without an interruption.",
    name: "Name",
    nameHelp: "For you and your colleagues, such as where the key is used.",
    expires: "Expires",
    nameOfTime: (name: string, time: string) =>
      `${name} (${new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time))})`,
    lifetimes: { "90": "after 90 days", "365": "after a year", "0": "never" } as Record<string, string>,
    unnamed: "Without a name",
    caption: "API keys, newest first",
    columns: {
      name: "Name",
      state: "State",
      lastUse: "Last use, to the minute",
      expires: "Expires",
      created: "Created",
    },
    actions: "Actions",
    states: {
      valid: "Valid",
      replaced: "Replaced, still valid",
      ended: "Replaced, ended",
      revoked: "Revoked",
      expired: "Expired",
    },
    endedAt: "ended",
    soon: { EXPIRY_STATE_WITHIN_30_DAYS: "within 30 days", EXPIRY_STATE_WITHIN_7_DAYS: "within 7 days" } as Record<
      string,
      string
    >,
    never: "never",
    neverUsed: "never used",
    from: "from",
    by: "by",
    rotate: "Rotate",
    rotateOf: (name: string) => `Rotate: ${isolated(name)}`,
    rotateTitle: "Replace this key with a new one",
    rotateText: "You get a new key. Enter it at the identity provider in place of the old one.",
    newName: "Name of the new key",
    newNameHelp: "Without a name, it has that of the old key.",
    leaked: "Somebody else may know the old key",
    leakedHelp: "Then the old key ends at once, unless you choose another time.",
    overlap: "The old key stays valid for",
    overlapNone:
      "It ends for good. This takes up to some 5 seconds. After that, nobody can use it any more, and the identity provider cannot send anything until it has the new key.",
    overlapSome: "No message is lost if the identity provider has the new key before this time is over.",
    overlapLeaked:
      "Until then, whoever knows the old key can use it, too: to read users and groups, and to change them. When the new key is in use, you can revoke the old one.",
    overlaps: {
      "0s": "no time: end it now",
      "3600s": "an hour",
      "86400s": "a day",
      "604800s": "a week",
      "2592000s": "30 days",
    } as Record<string, string>,
    rotateAction: "Create the new key",
    revoke: "Revoke",
    revokeOf: (name: string) => `Revoke: ${isolated(name)}`,
    revokeTitle: "Revoke this key",
    revokeText: (name: string) =>
      `The key ${isolated(name)} ends for good. This takes up to some 5 seconds. After that, nobody can use it any more.`,
    revokeReplaced: "It is the old key: another one has replaced it.",
    revokeLast: "It is the only valid key: the identity provider cannot send anything until it gets another one.",
    revokeUsed: "It was last used",
    revokeAction: "Revoke the key",
    revoked: (name: string) => `${isolated(name)} is revoked. Nobody can use it any more.`,
    secretTitle: "The new API key",
    secret: "API key",
    shownOnce: "This is the only time that you see it. Usher does not store it.",
    shownOnceAction: "Enter it at the identity provider now, or keep it in a password manager.",
    stored: "I have stored the API key",
    done: "Done",
    oldUntil: "The old key is valid until",
    oldEnded: "The old key has ended: nobody can use it any more.",
    omitted:
      "This request was sent twice, and the key was shown the first time. Create another one, and revoke this one.",
    ended: (n: number) => `Show ${count(n, "key")} that ended`,
    hideEnded: "Hide the keys that ended",
  },

  settings: {
    name: "Name",
    mode: "How strictly the directory reads messages",
    modes: {
      DIRECTORY_MODE_TOLERANT: "Tolerant",
      DIRECTORY_MODE_STRICT: "Strict",
    } as Record<string, string>,
    modeHelp: {
      DIRECTORY_MODE_TOLERANT:
        "It understands what identity providers really send, also where this departs from the SCIM standard. Choose this, if in doubt.",
      DIRECTORY_MODE_STRICT:
        "It refuses what the SCIM standard does not allow, with an error for the identity provider.",
    } as Record<string, string>,
    uniqueGroups: "Refuse a second group with the same name",
    uniqueGroupsHelp: "Upper and lower case count as the same. Groups that exist now stay.",
    adoptByName: "Take users and groups over by name, even if their externalIds differ",
    adoptByNameHelp:
      "For another identity provider than before. Somebody with a reused user name gets the access of the person who had it before.",
    saved: "Saved.",
  },

  dialect: {
    quirksTitle: "Quirks",
    quirks:
      "Ways in which the identity provider departs from the SCIM standard. Usher understands each of them: there is nothing to do.",
    noQuirks: "It has not departed from the standard.",
    quirkColumns: {
      meaning: "What it does, and how Usher understands it",
      specification: "Standard",
      count: "Messages",
      last: "Last",
    },
    ignoredTitle: "Ignored attributes",
    ignored:
      "The identity provider sends these attributes, and Usher does not keep them, because they are read-only or unknown.",
    noIgnored: "Usher keeps everything that it sends.",
    ignoredColumns: { path: "Attribute", count: "Messages", last: "Last" },
    suggestedTitle: "Schemas that you can register",
    suggested:
      "With such a schema, the directory keeps the attributes above. It is a proposal: Usher knows only their names. Compare types with the documentation of the identity provider, and change the text where needed.",
    definition: (id: string) => `Definition of ${id}`,
    register: "Register the schema",
    notJson: "This is not valid JSON.",
    schemasTitle: "Registered schemas",
    noSchemas: "The directory has no schema of its own.",
    types: { RESOURCE_TYPE_USER: "for users", RESOURCE_TYPE_GROUP: "for groups" } as Record<string, string>,
    attributes: (n: number) => count(n, "attribute"),
    remove: "Remove",
    removeTitle: "Remove this schema",
    removeText:
      "Usher does not show the values of these attributes any more, and deletes them with the next message about their user or group. Rules that use them match nobody.",
    captionQuirks: "Quirks",
    captionIgnored: "Ignored attributes",
  },

  end: {
    title: "Delete this directory",
    what: "What happens to",
    effect: "Effect",
    outcome: "After the deletion",
    stays: "Stays",
    goes: "Ends",
    changes: "Changes",
    rows: (
      users: string,
      groups: string,
      keys: string,
    ): { what: string; kind: "stays" | "goes" | "changes"; outcome: string }[] => [
      {
        what: `${keys}`,
        kind: "goes",
        outcome: "No gateway accepts them any more. The identity provider gets the answer 401.",
      },
      {
        what: "Messages of the identity provider",
        kind: "goes",
        outcome: "Nothing that changes there arrives here, also not that somebody left.",
      },
      { what: "Access", kind: "stays", outcome: "Nobody loses or gains a role." },
      {
        what: `${users}, ${groups}`,
        kind: "changes",
        outcome: "They stay, and are detached: rules and rule syncs do not change them. Admins manage them by hand.",
      },
      { what: "Rules", kind: "stays", outcome: "All of them stay as they are." },
      { what: "Failed events", kind: "stays", outcome: "They stay in the list." },
      {
        what: "Settings and schemas",
        kind: "changes",
        outcome: "A directory that replaces this one begins with its schemas.",
      },
    ],
    caption: "What the deletion changes, and what it does not",
    confirm:
      "The API keys end at once, and nothing arrives any more. Users, groups and access stay. Nobody can undo this, but a new directory can replace this one.",
    action: "Delete the directory",
    deletedTitle: "This directory is deleted",
    deleted: "Its API keys are not valid. Its users and groups are detached, and nobody lost access.",
    canReplace:
      "A new directory can replace it. It takes over a user or group when its identity provider sends it again, under the old id. So rules and access stay valid.",
    wasReplaced: "Another directory has replaced it:",
    adoptionTitle: "Adoption",
    adoption:
      "This directory replaces another one. It takes over the users and groups of that one when the identity provider sends them again.",
    unadoptedTitle: "Not adopted yet",
    unadopted:
      "These users and groups are still detached: the identity provider has not sent them. Their access stays until an admin changes it.",
    allAdopted: "Every user and group of the replaced directory was adopted.",
    unadoptedColumns: { name: "Name", type: "Type", externalId: "externalId", id: "Id" },
    types: { RESOURCE_TYPE_USER: "User", RESOURCE_TYPE_GROUP: "Group" } as Record<string, string>,
    carriedTitle: "Memberships that were never confirmed",
    carried:
      "The members of an adopted group count until the identity provider confirms or removes them. These are left. If you finish the adoption, Usher removes them, and with them the access that they give.",
    noCarried: "The identity provider has confirmed all memberships of adopted groups.",
    carriedColumns: { group: "Group", member: "Member" },
    finish: "Finish the adoption",
    finishText:
      "Usher removes all memberships in this list. Users who hold a role only because of one of them lose it.",
    finished: (n: number) => `${count(n, "membership")} removed.`,
    names: "Names are hidden: you may not read who people are.",
  },
};
