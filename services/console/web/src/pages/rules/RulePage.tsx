import { Anchor, Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { sometimes, useLive } from "../../api/live";
import { useGroupNames } from "../../api/people";
import { type Problem, type Rule, useRuleMatches, useRuleProblems, useRulesChanged } from "../../api/rules";
import { useMay } from "../../api/session";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { Newer } from "../../parts/Newer";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { useEdit } from "../../parts/useEdit";
import { paths } from "../../paths";
import { text } from "../../text";
import { changesOf, draftOf, missingOf } from "./draft";
import { countInWords } from "./match";
import { RuleForm } from "./RuleForm";

const rulePath = "/api/v1/organizations/{organizationId}/rules/{id}";

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
  const toggle = useMutation({
    mutationFn: () =>
      answer(
        api.POST(`${rulePath}:${rule.enabled ? "disable" : "enable"}`, {
          params: { path: { organizationId: organization, id: rule.id } },
        }),
      ),
    onSuccess: changed,
  });
  return (
    <Page
      title={rule.displayName ?? rule.id}
      situation={<Situation rule={rule} problems={problems} />}
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
      {error && <Failure error={error} />}
      {problems.length > 0 && <Problems organization={organization} problems={problems} />}
      <EditRule rule={rule} />
      {rule.group && <Pins rule={rule} />}
      {mayManage && <Delete rule={rule} />}
    </Page>
  );
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

function Problems({ organization, problems }: { organization: string; problems: Problem[] }) {
  const words = text.rules;
  const directories = useDirectoryNames(organization);
  return (
    <Stack component="section" aria-label={words.problemsTitle} gap="sm">
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
        </Paper>
      ))}
    </Stack>
  );
}

function EditRule({ rule }: { rule: Rule }) {
  const { organizationId, id } = rule;
  const catalogue = useCatalogue(organizationId);
  const mayManage = useMay("MANAGE_RULES");
  const changed = useRulesChanged(organizationId);
  const [tried, setTried] = useState(false);
  const edit = useEdit({
    value: draftOf(rule),
    version: rule.etag,
    send: async (draft, base, etag) => {
      const { rule: now } = await answer(
        api.PATCH(rulePath, {
          params: { path: { organizationId, id } },
          body: { ...changesOf(draft, base), etag },
        }),
      );
      return now ? { value: draftOf(now), version: now.etag } : undefined;
    },
    changed,
  });
  const { draft, base } = edit;
  const missing = missingOf(draft, catalogue.roles);
  const incomplete = missing.match || missing.grants || missing.twice || draft.displayName.trim() === "";
  const changes = changesOf(draft, base);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!incomplete) {
          edit.save();
        }
      }}
    >
      <RuleForm
        organization={organizationId}
        catalogue={catalogue}
        draft={draft}
        onChange={edit.set}
        readOnly={!mayManage}
        tried={tried}
        stored
      />
      {mayManage && (
        <Stack mt="md" align="flex-start">
          <Newer edit={edit} />
          {edit.error && <Failure error={edit.error} />}
          <Button type="submit" loading={edit.saving} disabled={Object.keys(changes).length === 0}>
            {text.save}
          </Button>
          <Text size="sm" role="status">
            {edit.saved ? text.rules.saved : ""}
          </Text>
        </Stack>
      )}
    </form>
  );
}

function Pins({ rule }: { rule: Rule }) {
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
      <Text size="sm">{pins.length === 0 ? words.noPins : words.pinsText}</Text>
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
