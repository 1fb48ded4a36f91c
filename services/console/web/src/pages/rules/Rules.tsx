import { Anchor, Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { Link, useParams, useSearchParams } from "react-router";
import { type Catalogue, useCatalogue } from "../../api/catalogue";
import { type Matches, type Problem, type Rule, useRuleMatches, useRuleProblems, useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { useSyncSituation } from "../../api/syncs";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { ago, Time } from "../../parts/Time";
import { useTyped } from "../../parts/useTyped";
import { paths } from "../../paths";
import { text } from "../../text";
import { DefaultRules } from "./DefaultRules";
import { Grants } from "./Grants";
import { contains, countInWords, matchInWords, rulesShown } from "./match";

/** The rules of an organization: what each gives, whom it matches now, and what is wrong with it. */
export function Rules() {
  const words = text.rules;
  const { organization = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const mayManage = useMay("MANAGE_RULES");
  const list = useRules(organization);
  const { problems, ...problemsRead } = useRuleProblems(organization);
  const status = useSyncSituation(organization).data?.status;
  const catalogue = useCatalogue(organization);
  const find = search.get("find") ?? "";
  const onlyWrong = search.get("show") === "problems";
  const shown = Number(search.get("shown")) || rulesShown;
  const found = (list.rules ?? []).filter(
    (rule) => contains(rule, find, rule.grants.map(catalogue.inWords)) && (!onlyWrong || problems?.has(rule.id)),
  );
  const rules = found.slice(0, shown);
  const unknown = onlyWrong && !problems; // nobody can say which rules these are
  const change = (to: Record<string, string>) => {
    setSearch(
      (now) => {
        const next = { find: now.get("find") ?? "", show: now.get("show") ?? "", ...to };
        return Object.fromEntries(Object.entries(next).filter(([, value]) => value));
      },
      { replace: true },
    );
  };
  const [typed, setTyped] = useTyped(find, (to) => change({ find: to }));
  const since = status?.oldestWaitingTime ? ago(new Date(status.oldestWaitingTime)) : "";
  return (
    <Page
      title={words.title}
      situation={list.rules && words.situation(list.rules.length, problems?.size, since)}
      action={
        <Group gap="xs">
          {mayManage && since && (
            <Button component={Link} to={paths.syncs(organization)}>
              {words.sync}
            </Button>
          )}
          {mayManage && list.rules && list.rules.length > 0 && (
            <Button component={Link} to={paths.newRule(organization)} variant={since ? "default" : "filled"}>
              {words.add}
            </Button>
          )}
        </Group>
      }
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {list.rules?.length === 0 && (
        <Empty
          title={words.emptyTitle}
          action={
            mayManage && (
              <Button component={Link} to={paths.newRule(organization)}>
                {words.add}
              </Button>
            )
          }
        >
          {words.empty} {!mayManage && words.emptyViewer}
        </Empty>
      )}
      {list.rules && list.rules.length > 0 && (
        <>
          <Group gap="sm" align="flex-end">
            <TextInput
              label={words.find}
              description={words.findHelp}
              value={typed}
              maxLength={100}
              flex="1 1 16rem"
              autoComplete="off"
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <NativeSelect
              label={words.show}
              value={onlyWrong ? "problems" : ""}
              data={[
                { value: "", label: words.showAll },
                { value: "problems", label: words.showWrong },
              ]}
              onChange={(event) => change({ show: event.currentTarget.value })}
            />
          </Group>
          {problemsRead.error && !problems && (
            <Failure error={problemsRead.error} retry={() => void problemsRead.refetch()} />
          )}
          {unknown && !problemsRead.error && <Loading lines={2} />}
          {found.length === 0 && !unknown && <Text role="status">{words.none}</Text>}
        </>
      )}
      {rules.length > 0 && (
        <List
          rules={rules}
          all={list.rules ?? []}
          problems={problems}
          catalogue={catalogue}
          organization={organization}
        />
      )}
      {found.length > rules.length && (
        <Button variant="default" w="fit-content" onClick={() => change({ shown: String(shown + rulesShown) })}>
          {text.more}
        </Button>
      )}
      {list.rules && mayManage && <DefaultRules organization={organization} rules={list.rules} catalogue={catalogue} />}
    </Page>
  );
}

interface ListProps {
  organization: string;
  rules: Rule[];
  /** The rules of the organization, also those that the search does not find. */
  all: Rule[];
  problems: Map<string, Problem[]> | undefined;
  catalogue: Catalogue;
}

function List({ organization, rules, all, problems, catalogue }: ListProps) {
  const words = text.rules;
  const matchesOf = useRuleMatches(
    organization,
    all.map((rule) => rule.id),
    rules.map((rule) => rule.id),
  );
  return (
    <DataTable
      caption={words.caption}
      columns={words.columns}
      minWidth="52rem"
      rows={rules.map((rule) => ({
        key: rule.id,
        cells: [
          <Stack key="rule" gap={4} align="flex-start">
            <Anchor component={Link} to={paths.rule(organization, rule.id)}>
              <bdi>{rule.displayName}</bdi>
            </Anchor>
            {!rule.enabled && <Label tone="quiet">{words.disabled}</Label>}
          </Stack>,
          matchInWords(rule),
          <Grants key="gives" rule={rule} catalogue={catalogue} />,
          <Count key="now" count={matchesOf(rule.id)} />,
          <Problems key="problems" problems={problems?.get(rule.id)} />,
        ],
      }))}
    />
  );
}

function Count({ count }: { count: Matches }) {
  const words = text.rules;
  if (!count || count === "failed") {
    return (
      <Text size="sm" c="dimmed">
        {count ? words.notCounted : words.counting}
      </Text>
    );
  }
  return (
    <Stack gap={2}>
      <Text size="sm">{countInWords(count)}</Text>
      <Text size="xs" c="dimmed" component="div">
        {words.counted} <Time value={count.countTime} as="ago" />
      </Text>
    </Stack>
  );
}

function Problems({ problems }: { problems: Problem[] | undefined }) {
  const kinds = [...new Set(problems?.map((problem) => problem.kind))];
  if (kinds.length === 0) {
    return null;
  }
  return (
    <Stack gap={4} align="flex-start">
      {kinds.map((kind) => (
        <Label key={kind} tone="warn">
          {text.rules.problem[kind] ?? kind}
        </Label>
      ))}
    </Stack>
  );
}
