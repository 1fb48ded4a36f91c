import { Anchor, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { sometimes, useLive } from "../../api/live";
import { useGroupNames } from "../../api/people";
import { type Problem, type Rule, useRuleMatches, useRuleProblems, useRulesChanged } from "../../api/rules";
import { useMay } from "../../api/session";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { chosenProvider } from "../setup/chosenProvider";
import { EditRule, rulePath, useRuleEdit } from "./EditRule";
import { countInWords } from "./match";
import { Saved } from "./Saved";
import { SimilarGroups } from "./SimilarGroups";

/** One rule: what it gives to whom, what is wrong with it, and its end. */
export function RulePage() {
  const { organization = "", rule: id = "" } = useParams();
  const rule = useLive(
    ["rule", organization, id],
    () => answer(api.GET(rulePath, { params: { path: { organizationId: organization, id } } })),
    sometimes,
  );
  const problems = useRuleProblems(organization);
  if (!rule.data?.rule) {
    return rule.error ? (
      <Page title={text.rules.title} above={[{ title: text.rules.title, to: paths.rules(organization) }]}>
        <Failure error={rule.error} retry={() => void rule.refetch()} />
      </Page>
    ) : (
      <Loading />
    );
  }
  return (
    <Parts
      key={id}
      rule={rule.data.rule}
      problems={problems.problems?.get(id) ?? []}
      error={problems.problems ? null : problems.error}
    />
  );
}

interface PartsProps {
  rule: Rule;
  problems: Problem[];
  /** Why the problems are not known. */
  error: Error | null;
}

function Parts({ rule, problems, error }: PartsProps) {
  const words = text.rules;
  const organization = rule.organizationId;
  const mayManage = useMay("MANAGE_RULES");
  const changed = useRulesChanged(organization);
  const added = useAdded();
  const [news, setNews] = useState<News | undefined>(added === undefined ? undefined : { what: "added", at: added });
  const edit = useRuleEdit(rule, () => setNews({ what: "saved", at: Date.now() }));
  useFilledIn(mayManage, (group) => edit.set({ kind: "group", group }));
  const toggle = useMutation({
    mutationFn: async () => {
      const what = rule.enabled ? "disable" : "enable";
      await answer(
        api.POST(`${rulePath}:${what}`, { params: { path: { organizationId: organization, id: rule.id } } }),
      );
      return { what: `${what}d`, at: Date.now() } as const;
    },
    onSuccess: async (done) => {
      await changed();
      setNews(done);
    },
  });
  return (
    <Page
      title={rule.displayName ?? rule.id}
      situation={
        <>
          {edit.edited && words.asSaved} <Situation rule={rule} problems={problems} />
        </>
      }
      above={[{ title: words.title, to: paths.rules(organization) }]}
      action={
        mayManage && (
          <Button variant="default" loading={toggle.isPending} onClick={() => toggle.mutate()}>
            {rule.enabled ? words.disable : words.enable}
          </Button>
        )
      }
    >
      {toggle.error && <Failure error={toggle.error} />}
      {news && news.what !== "saved" && <Saved key={news.at} rule={rule} {...news} />}
      {error && <Failure error={error} />}
      {problems.length > 0 && (
        <Problems
          rule={rule}
          problems={problems}
          edited={edit.edited}
          onGroup={mayManage ? (group) => edit.set({ kind: "group", group }) : undefined}
        />
      )}
      <EditRule rule={rule} edit={edit} />
      {edit.saved && news?.what === "saved" && <Saved key={news.at} rule={rule} {...news} />}
      {rule.group && <Pins rule={rule} edited={edit.edited} />}
      {mayManage && <Delete rule={rule} />}
    </Page>
  );
}

/** What somebody has done last with the rule on this page. */
interface News {
  what: "added" | "enabled" | "disabled" | "saved";
  at: number;
}

/** How long it can take from the answer that a rule was added to its page, in milliseconds. The state of a page outlives a reload. */
const underWay = 20_000;

/** Returns when the rule was added, if the reader comes from that. */
function useAdded(): number | undefined {
  const at: unknown = useLocation().state?.added;
  return typeof at === "number" && Date.now() - at < underWay ? at : undefined;
}

/** Fills in the name of the group that the address of the page has, once: then the edits are in the form alone. */
function useFilledIn(mayManage: boolean, fill: (group: string) => void): void {
  const [search, setSearch] = useSearchParams();
  const group = search.get("group");
  const filled = useRef(false);
  useEffect(() => {
    const done = filled.current;
    filled.current = group !== null; // the address follows a moment later
    if (group === null || done) {
      return;
    }
    if (mayManage && group) {
      fill(group);
    }
    setSearch({}, { replace: true });
  });
}

function Situation({ rule, problems }: { rule: Rule; problems: Problem[] }) {
  const count = useRuleMatches(rule.organizationId, [rule.id], [rule.id])(rule.id);
  return (
    <>
      {text.rules.ruleSituation(rule.enabled ?? true, problems.length)}{" "}
      {count === "failed" && text.rules.matchesUnknown}
      {count && count !== "failed" && (
        <>
          {text.rules.matchesNow(countInWords(count))} ({text.rules.counted} <Time value={count.countTime} as="ago" />)
        </>
      )}
    </>
  );
}

interface ProblemsProps {
  rule: Rule;
  problems: Problem[];
  /** Whether the form has edits that are not saved, which the problems do not know. */
  edited: boolean;
  /** Takes the name of a group in the form. */
  onGroup: ((name: string) => void) | undefined;
}

function Problems({ rule, problems, edited, onGroup }: ProblemsProps) {
  const words = text.rules;
  const organization = rule.organizationId;
  const directories = useDirectoryNames(organization);
  const [only = ""] = directories.size === 1 ? directories.keys() : [];
  const provider = chosenProvider(only);
  return (
    <Stack component="section" aria-label={words.problemsTitle} gap="sm">
      {edited && <Text size="sm">{words.asSavedProblems}</Text>}
      {problems.map((problem) => (
        <Paper key={`${problem.kind} ${problem.directoryId}`} withBorder p="md">
          <Group gap="xs">
            <Label tone="warn">{words.problem[problem.kind] ?? problem.kind}</Label>
            {problem.directoryId && (
              <Text size="sm">
                {words.inDirectory} <bdi>{directories.get(problem.directoryId) ?? problem.directoryId}</bdi>
              </Text>
            )}
            {problem.sinceTime && (
              <Text size="sm" c="dimmed" component="div">
                {words.since} <Time value={problem.sinceTime} />
              </Text>
            )}
          </Group>
          <Text size="sm" mt="xs">
            {words.problemHelp[problem.kind]}{" "}
            {problem.kind === "RULE_PROBLEM_KIND_GROUP_NOT_SEEN" && words.sendGroup(provider)}{" "}
            {problem.otherRuleId && (
              <Anchor component={Link} to={paths.rule(organization, problem.otherRuleId)} underline="always">
                {words.otherRule}
              </Anchor>
            )}
            {problem.kind === "RULE_PROBLEM_KIND_WAITS_FOR_SYNC" && (
              <Anchor component={Link} to={paths.syncs(organization)} underline="always">
                {words.sync}
              </Anchor>
            )}
          </Text>
          {problem.kind === "RULE_PROBLEM_KIND_GROUP_NOT_SEEN" && rule.group && (
            <SimilarGroups organization={organization} name={rule.group.displayName} onUse={onGroup} />
          )}
        </Paper>
      ))}
    </Stack>
  );
}

function Pins({ rule, edited }: { rule: Rule; edited: boolean }) {
  const words = text.rules;
  const pins = rule.group?.pins ?? [];
  const directories = useDirectoryNames(rule.organizationId);
  const groups = useGroupNames(
    rule.organizationId,
    pins.map((pin) => pin.groupId),
  );
  return (
    <Stack gap="sm">
      <Title order={2}>{words.pinsTitle}</Title>
      <Text size="sm">
        {edited && words.asSaved} {pins.length === 0 ? words.noPins : words.pinsText}
      </Text>
      {pins.length > 0 && (
        <DataTable
          caption={words.pinsCaption}
          columns={words.pinsColumns}
          rows={pins.map((pin) => ({
            key: pin.directoryId,
            cells: [
              <bdi key="directory">{directories.get(pin.directoryId) ?? pin.directoryId}</bdi>,
              groups.has(pin.groupId) ? (
                <Anchor key="group" component={Link} to={paths.group(rule.organizationId, pin.groupId)}>
                  <bdi>{groups.get(pin.groupId)}</bdi>
                </Anchor>
              ) : (
                <bdi key="group">{rule.group?.displayName}</bdi>
              ),
              <Label key="state" tone={pin.state === "PIN_STATE_PINNED" ? "good" : "warn"}>
                {pin.state === "PIN_STATE_PINNED" ? words.pinned : words.waiting}
              </Label>,
              <Time key="since" value={pin.pinTime} />,
            ],
          }))}
        />
      )}
    </Stack>
  );
}

function Delete({ rule }: { rule: Rule }) {
  const words = text.rules;
  const { organizationId, id } = rule;
  const navigate = useNavigate();
  const changed = useRulesChanged(organizationId);
  const [asked, setAsked] = useState(false);
  const remove = async () => {
    await answer(api.DELETE(rulePath, { params: { path: { organizationId, id } } }));
    await navigate(paths.rules(organizationId), { replace: true });
    void changed();
  };
  return (
    <Stack gap="sm" align="flex-start">
      <Title order={2}>{words.deleteTitle}</Title>
      <Text size="sm">{words.deleteText}</Text>
      <Button color="red.8" onClick={() => setAsked(true)}>
        {words.deleteTitle}
      </Button>
      <ConfirmByName
        opened={asked}
        title={words.deleteTitle}
        name={rule.displayName ?? id}
        action={words.deleteTitle}
        onConfirm={remove}
        onClose={() => setAsked(false)}
      >
        <Text>{words.deleteText}</Text>
      </ConfirmByName>
    </Stack>
  );
}
