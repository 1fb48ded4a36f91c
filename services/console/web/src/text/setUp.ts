import { count, isolated } from "./shell";

export const providers = {
  "entra-id": "Microsoft Entra ID",
  okta: "Okta",
  onelogin: "OneLogin",
  ping: "Ping Identity",
  jumpcloud: "JumpCloud",
  google: "Google Workspace",
  sailpoint: "SailPoint",
  generic: "Another one",
} as const;

export type Provider = keyof typeof providers;

export const setUp = {
  newTitle: "Set up a directory",
  newSituation:
    "A directory is one connection from an identity provider. Two answers, and you get the values to enter there. All directories of an organization share its tenants, rules and admins: a company that must be apart from yours needs an organization of its own, which the operator of Usher creates.",
  provider: "Which identity provider sends the users and groups?",
  providerHelp: "It decides which guide you see. You can choose another one later.",
  providerMissing: 'Choose the identity provider. If the list does not have it, choose "Another one".',
  name: "Name of the directory",
  nameHelp: "For you and your colleagues, such as the name of the identity provider and of the part of the company.",
  nameMissing: "Enter a name of 1 to 200 characters.",
  nameTaken: (name: string) =>
    `A directory with the name ${isolated(name)} exists already. Choose another name, so that people can tell the two apart.`,
  rulesApply: "The rules of the organization apply to the users and groups of each directory, also of this one.",
  rulesNow: (n: number) =>
    n === 0 ? "There is no rule yet." : `There ${n === 1 ? "is" : "are"} ${count(n, "rule")} now.`,
  rulesAction: "Look at the rules",
  replaces: "Does it replace a deleted directory?",
  replacesHelp:
    "A directory that replaces another one takes over its users and groups when the identity provider sends them again. They keep their ids, and so nobody's access changes.",
  replacesMissing: "Choose whether it replaces a deleted directory.",
  replacesNone: "No. All users and groups are new.",
  replacesOne: "Yes:",
  deletedAt: "deleted",
  sender: "Who sends its users and groups from now on?",
  senderSame: "The same identity provider",
  senderSameHelp:
    "A user is the same with the same externalId, or with the same user name where one side has no externalId. Choose this, if in doubt.",
  senderOther: "Another identity provider",
  senderOtherHelp:
    "Its externalIds differ, so the user name and the name of the group decide. Somebody with a reused user name gets the access of the person who had it before.",
  more: "More settings",
  strict: "Strict: refuse what the SCIM standard does not allow",
  strictHelp:
    "Leave this off, unless your identity provider follows the standard to the letter. You can change it later.",
  uniqueGroups: "Refuse a second group with the same name",
  create: "Create the directory",

  title: (name: string) => `Set up ${isolated(name)}`,
  situation: (done: number, all: number) =>
    done === 0
      ? "Waits for the first message of the identity provider."
      : done === all
        ? "Everything has arrived that Usher looks for."
        : `${done} of ${count(all, "step")} are done. The list updates by itself.`,
  values: "Values for the identity provider",
  baseUrl: "Base URL",
  baseUrlHelp: "Identity providers also call it Tenant URL, SCIM connector base URL, or endpoint.",
  key: "API key",
  keyHelp: "Identity providers also call it secret token, bearer token, or API token.",
  shownOnce: "This is the only time that you see the API key. Usher does not store it.",
  shownOnceAction:
    "Enter it at the identity provider now, or keep it in a password manager. If it is lost, you can create another one.",
  stored: "I have stored the API key",
  keyGone:
    "The API key was shown once, when it was created. If it is lost, create another key, enter it at the identity provider, and revoke the key that nobody has.",
  keyGoneAction: "Go to the API keys",
  leaveTitle: "The API key is shown only here",
  leave: "When you leave this page, nobody can see the API key again. If you have not stored it, you need another one.",
  leaveAction: "Leave",
  stay: "Stay here",
  guide: "The guide for",
  /** The headings of the sections of a guide that are open at first. */
  guideOpen: ["Before you begin", "Where each value goes"],
  guideRotate: "Rotate the key",
  ignored: "Usher does not keep some of the attributes that the identity provider sends. There is nothing to do.",
  ignoredAction: "Look at what it sends",
  openDirectory: "Go to the directory",

  checklist: "What has arrived",
  steps: {
    key: "The API key is accepted",
    connection: "The connection works",
    user: "A first user",
    group: "A first group",
    change: "A first change of a user",
    deactivation: "A first deactivation",
  },
  stepHelp: {
    key: "The identity provider has sent the key of this directory.",
    connection: "A message about users or groups was answered. A connection test is such a message.",
    user: "Assign a user to the application at the identity provider.",
    group:
      "The section Groups of the guide says how the identity provider sends a group: often, to assign it is not enough. Without groups, only rules about role values and filters can match.",
    change: "Change the title of the user, for example.",
    deactivation: "Remove the assignment of a user, to see that this arrives, too.",
  },
  done: "done",
  open: "not yet",
  refused: (reason: string) => `The last request was refused: ${reason}.`,
  attributes: "Attributes of users",
  attributesNone: "Here you will see which attributes the identity provider fills in.",
  attributesOf: (sampled: number) => `Of the newest ${count(sampled, "user")}, so many have a value:`,
  attributeOf: (n: number, of: number) => `${n} of ${of}`,
};
