import { Stack, Text } from "@mantine/core";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { newRequestId } from "../../api/requestId";
import { type Rule, useRuleMatches, useRuleProblems, useRules } from "../../api/rules";
import { runs, useSyncSituation, useSyncStarted } from "../../api/syncs";
import { FormDialog } from "../../parts/FormDialog";
import { text } from "../../text";
import { countInWords } from "../rules/match";

/** Asks whether to start a rule sync, and says what waits for it. */
export function StartSync({ organization, onClose }: { organization: string; onClose: () => void }) {
  const words = text.syncs;
  const situation = useSyncSituation(organization).data;
  const started = useSyncStarted(organization);
  const [requestId] = useState(newRequestId);
  const running = runs(situation?.newest);
  const start = async () => {
    const { sync } = await answer(
      api.POST("/api/v1/organizations/{organizationId}/syncs", {
        params: { path: { organizationId: organization } },
        body: { requestId },
      }),
    );
    onClose();
    await started(sync);
  };
  return (
    <FormDialog title={words.startTitle} action={words.start} incomplete={running} run={start} onClose={onClose}>
      {running ? (
        <Text role="status">{words.startRuns}</Text>
      ) : (
        <>
          <Text>{words.startText(situation?.status.rulesWaitingCount)}</Text>
          <Waiting organization={organization} all={situation?.status.rulesWaitingCount ?? 0} />
        </>
      )}
    </FormDialog>
  );
}

/** How many rules the dialogue names. */
const named = 5;

/** The rules with changes that wait, the newest change first, and how many users each matches now. */
function Waiting({ organization, all }: { organization: string; all: number }) {
  const words = text.syncs;
  const { rules } = useRules(organization);
  const { problems } = useRuleProblems(organization);
  const since = (rule: Rule) =>
    problems?.get(rule.id)?.find(({ kind }) => kind === "RULE_PROBLEM_KIND_WAITS_FOR_SYNC")?.sinceTime ?? "";
  const waiting = (rules ?? [])
    .filter((rule) => since(rule) !== "")
    .sort((a, b) => Date.parse(since(b)) - Date.parse(since(a)));
  const shown = waiting.slice(0, named);
  const ids = shown.map((rule) => rule.id);
  const matchesOf = useRuleMatches(organization, ids, ids);
  if (!rules || !problems || all === 0) {
    return null;
  }
  const now = (rule: Rule) => {
    const count = matchesOf(rule.id);
    if (!rule.enabled) {
      return words.waitsDisabled;
    }
    return count === undefined
      ? text.rules.counting
      : count === "failed"
        ? text.rules.notCounted
        : words.matchesNow(countInWords(count));
  };
  const more = waiting.length - shown.length;
  const deleted = all - waiting.length;
  return (
    <Stack component="ul" gap={2} my={0} ps="md" aria-label={words.waitingLabel}>
      {shown.map((rule) => (
        <li key={rule.id}>
          <bdi>{rule.displayName}</bdi>: {now(rule)}
        </li>
      ))}
      {more > 0 && <li>{text.rules.moreGrants(more)}</li>}
      {deleted > 0 && <li>{words.waitsDeleted(deleted)}</li>}
    </Stack>
  );
}
