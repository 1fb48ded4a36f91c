import { count, number } from "./shell";

export const syncs = {
  title: "Rule syncs",
  situation: (running: boolean, waiting: number) =>
    running
      ? "A rule sync runs."
      : waiting === 0
        ? "No change of a rule waits. Access is as the rules say."
        : `Changes of ${count(waiting, "rule")} wait for a rule sync.`,
  waitingSince: "The oldest change was made",
  explain:
    "A changed rule applies to a user with the next message about this user. A rule sync applies all rules to all users at once. It takes access away, too, where no rule gives it any more; access that somebody granted by hand stays.",
  start: "Start a rule sync",
  startTitle: "Start a rule sync?",
  startText: (waiting: number | undefined) =>
    waiting === 0
      ? "No change of a rule waits, so it will probably change nothing. It applies all enabled rules to all users."
      : `It applies all enabled rules to all users${waiting ? `, with the changes of ${count(waiting, "rule")} that wait` : ""}. Users gain and lose access at once. You can cancel it; what it has done until then stays.`,
  startRuns:
    "A rule sync runs already. A change that was made after it began needs another rule sync: start it when this one has ended.",
  waitingLabel: "Rules with changes that wait",
  matchesNow: (users: string) => `matches ${users} now`,
  waitsDisabled: "disabled, so it gives nothing any more",
  waitsDeleted: (n: number) => `${count(n, "rule")} that ${n === 1 ? "was" : "were"} deleted`,
  runningTitle: "This rule sync runs now",
  progress: "Progress of the rule sync",
  done: (n: number, total: number) => (total > 0 ? `${number(n)} of about ${count(total, "user")}` : count(n, "user")),
  left: "Ends",
  leftUnknown: "The end can be estimated after the first users.",
  added: (n: number) => `${number(n)} given`,
  removed: (n: number) => `${number(n)} taken away`,
  setAside: (n: number) => `${count(n, "user")} set aside`,
  startedBy: "Started by",
  cancel: "Cancel the rule sync",
  cancelTitle: "Cancel the rule sync?",
  cancelText:
    "The users that it has reached keep the new access. All others keep the access that they have, until the next message about each of them or until another rule sync.",
  historyTitle: "Earlier rule syncs",
  emptyTitle: "No rule sync yet",
  empty: "The rule syncs of your organization appear here: who started each, what changed, and who was set aside.",
  caption: "Rule syncs, newest first",
  columns: {
    start: "Started",
    by: "By",
    state: "State",
    users: "Users",
    changes: "Access",
    setAside: "Set aside",
  },
  states: {
    SYNC_STATE_RUNNING: "Runs",
    SYNC_STATE_DONE: "Done",
    SYNC_STATE_CANCELLED: "Cancelled",
  } as Record<string, string>,
  nothing: "nothing changed",
  open: (time: string) => `Open the rule sync of ${time}`,
  oneTitle: "A rule sync",
  facts: {
    start: "Started",
    end: "Ended",
    took: "Took",
    users: "Users",
    given: "Access given",
    taken: "Access taken away",
    aside: "Users set aside",
  },
  changesTitle: "What it changed",
  changesCaption: "Access that the rule sync gave and took away, newest first",
  changesColumns: { time: "Time", user: "User", change: "Change", access: "Access" },
  gained: "Given",
  lost: "Taken away",
  noChanges: "It changed no access, or Usher does not keep the records any more.",
  asideTitle: "Users that it set aside",
  asideText:
    "Usher could not compute the access of these users. It tries again by itself. Until then, their access stays as it was, or is suspended if your organization has chosen that.",
  firstOfAside: (n: number, all: number) => (all > n ? `The first ${number(n)} of ${count(all, "user")}.` : ""),
};
