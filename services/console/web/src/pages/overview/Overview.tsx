import { Anchor, Button, Group, Paper, SimpleGrid, Stack, Switch, Text, Title } from "@mantine/core";
import { Link, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { useOpenCounts } from "../../api/events";
import { useKeysOf } from "../../api/keys";
import { sometimes, useLive, useLivePages } from "../../api/live";
import { walk } from "../../api/pages";
import { useAccessStatus, useRuleProblems } from "../../api/rules";
import { useMay } from "../../api/session";
import { Bars } from "../../parts/Bars";
import { colourOf, Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { age } from "../../text/durations";
import { number } from "../../text/shell";
import classes from "./Overview.module.css";
import { rulesToLookAt, type Situation, situationOf, sumOf, toneOf } from "./situation";

const hour = 3_600_000;
/** How many directories a page of the list has. */
const pageSize = 50;

/** The state of an organization: a line for each directory, and what waits for somebody. */
export function Overview() {
  const { organization = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const showDeleted = search.get("deleted") === "yes";
  const mayManage = useMay("MANAGE_DIRECTORIES");
  const path = { organizationId: organization };
  const directories = useLivePages(
    ["directories", organization, showDeleted],
    (pageToken) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/directories", {
          params: { path, query: { pageSize, pageToken, showDeleted } },
        }),
      ),
    sometimes,
  );
  const facts = useFacts(organization);
  const counts = useOpenEvents(organization);
  const wrongRules = rulesToLookAt(useRuleProblems(organization).problems);
  const all = directories.data?.pages.flatMap((page) => page.directories) ?? [];
  const keys = useKeysOf(
    organization,
    all.filter((d) => d.state === "DIRECTORY_STATE_ACTIVE" && d.validKeyCount > 0).map((d) => d.id),
  );
  const situations = new Map(
    all.map((d) => [
      d.id,
      situationOf(d, facts.activity.get(d.id), {
        activity: facts.known,
        openEvents: counts !== "0",
        keys: keys.get(d.id),
      }),
    ]),
  );
  const troubled = [...situations.values()].filter(({ level }) => level === "bad" || level === "warn").length;
  const setUp = (label: string, variant: "filled" | "default") =>
    mayManage && (
      <Button component={Link} to={paths.newDirectory(organization)} variant={variant}>
        {label}
      </Button>
    );
  return (
    <Page
      title={text.overview.title}
      situation={
        directories.data &&
        text.overview.situation(
          all.length,
          directories.hasNextPage,
          troubled,
          wrongRules ?? 0,
          counts ? text.overview.open(counts) : "",
        )
      }
      action={all.length > 0 && setUp(text.overview.setUpAnother, "default")}
    >
      <Figures organization={organization} openEvents={counts} wrongRules={wrongRules} />
      {directories.error && <Failure error={directories.error} retry={() => void directories.refetch()} />}
      {directories.isPending && !directories.error && <Loading />}
      {directories.data && all.length === 0 && (
        <Empty title={text.overview.emptyTitle} action={setUp(text.overview.setUp, "filled")}>
          {text.overview.empty} {!mayManage && text.overview.emptyViewer}
        </Empty>
      )}
      {all.length > 0 && (
        <Stack component="ul" gap="sm" className={classes.list}>
          {all.map((d) => (
            <Line
              key={d.id}
              directory={d}
              situation={situations.get(d.id) as Situation}
              activity={facts.activity.get(d.id)}
              progress={facts.progress.get(d.id)}
            />
          ))}
        </Stack>
      )}
      <More list={directories} />
      {directories.data && (
        <Switch
          label={text.overview.deleted}
          checked={showDeleted}
          onChange={(event) => setSearch(event.currentTarget.checked ? { deleted: "yes" } : {}, { replace: true })}
        />
      )}
    </Page>
  );
}

/** Returns what the other services know about the directories, by id. known is false if the messages cannot be counted now. */
function useFacts(organization: string) {
  const path = { organizationId: organization };
  const activity = useLive(
    ["activity", organization],
    () =>
      walk((pageToken) =>
        answer(
          api.GET("/api/v1/organizations/{organizationId}/activity", {
            params: { path, query: { pageSize: 400, pageToken } },
          }),
        ),
      ),
    sometimes,
    useMay("READ_EVENTS", "MANAGE_DIRECTORIES"),
  );
  const progress = useLive(
    ["progress", organization],
    () =>
      walk((pageToken) =>
        answer(
          api.GET("/api/v1/organizations/{organizationId}/directoryProgress", {
            params: { path, query: { pageSize: 1000, pageToken } },
          }),
        ),
      ),
    sometimes,
    useMay("READ_EVENTS", "MANAGE_DIRECTORIES"),
  );
  return {
    known: activity.data !== undefined,
    activity: new Map(activity.data?.pages.flatMap((page) => page.activity).map((a) => [a.directoryId, a])),
    progress: new Map(progress.data?.pages.flatMap((page) => page.directories).map((p) => [p.directoryId, p])),
  };
}

/** Returns the number of failed events that nobody has looked at, in words, or undefined if it is not known. */
function useOpenEvents(organization: string): string | undefined {
  const counts = useOpenCounts(organization);
  if (!counts) {
    return undefined;
  }
  const sum = number(counts.reduce((n, reason) => n + reason.count, 0));
  return counts.some((reason) => reason.atLeast) ? text.overview.atLeast(sum) : sum;
}

interface FiguresProps {
  organization: string;
  openEvents: string | undefined;
  wrongRules: number | undefined;
}

function Figures({ organization, openEvents, wrongRules }: FiguresProps) {
  const words = text.overview.figures;
  const access = useAccessStatus(organization).data;
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
      {openEvents !== undefined && (
        <Figure
          label={words.events}
          value={openEvents}
          to={paths.failedEvents(organization)}
          urgent={openEvents !== "0"}
        />
      )}
      {wrongRules !== undefined && (
        <Figure
          label={words.wrongRules}
          value={wrongRules === 0 ? words.none : number(wrongRules)}
          to={paths.rules(organization, wrongRules === 0 ? "" : "problems")}
          urgent={wrongRules > 0}
        />
      )}
      {access && (
        <Figure
          label={words.waiting}
          value={access.rulesWaitingCount === 0 ? words.none : number(access.rulesWaitingCount)}
          to={paths.syncs(organization)}
        >
          {access.oldestWaitingTime && (
            <>
              {words.waitingSince} <Time value={access.oldestWaitingTime} as="ago" />
            </>
          )}
        </Figure>
      )}
      {access && (
        <Figure
          label={words.age}
          value={age(access.oldestChangeAge, words.ageNow)}
          urgent={access.setAsideCount !== "0"}
          {...(access.setAsideCount !== "0" && { to: paths.settings(organization, "setAside") })}
        >
          {access.setAsideCount === "0" ? words.ageMeaning : words.setAside(Number(access.setAsideCount))}
        </Figure>
      )}
    </SimpleGrid>
  );
}

interface FigureProps {
  label: string;
  value: string;
  to?: string;
  urgent?: boolean;
  children?: React.ReactNode;
}

function Figure({ label, value, to, urgent = false, children }: FigureProps) {
  return (
    <Paper withBorder p="md">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz="xl" fw={650} style={{ color: urgent ? "var(--usher-warn)" : undefined }}>
        {to ? (
          <Anchor component={Link} to={to} inherit c="inherit" underline="always">
            {value}
          </Anchor>
        ) : (
          value
        )}
      </Text>
      {children && (
        <Text size="xs" c="dimmed" component="div">
          {children}
        </Text>
      )}
    </Paper>
  );
}

interface LineProps {
  directory: Schemas["Directory"];
  situation: Situation;
  activity: Schemas["DirectoryActivity"] | undefined;
  progress: Schemas["DirectoryProgress"] | undefined;
}

/** One directory. */
function Line({ directory, situation, activity, progress }: LineProps) {
  const words = text.overview;
  const sum = sumOf(activity);
  const start = Math.floor((Date.now() - 23 * hour) / hour) * hour;
  const all = sum.accepted + sum.failed;
  const address = paths.directory(directory.organizationId, directory.id);
  return (
    <Paper
      component="li"
      withBorder
      p="md"
      className={classes.line}
      style={{ borderInlineStartColor: colourOf(toneOf(situation.level)) }}
    >
      <Group justify="space-between" align="flex-start" gap="md">
        <Stack gap={4} flex="1 1 18rem" miw={0}>
          <Group gap="xs">
            <Title order={2} style={{ overflowWrap: "anywhere" }}>
              <Anchor component={Link} to={address} inherit>
                <bdi>{directory.displayName}</bdi>
              </Anchor>
            </Title>
            <Label tone={toneOf(situation.level)}>{words.level[situation.level]}</Label>
          </Group>
          <Text size="sm">{situation.sentence}</Text>
          {progress && directory.state !== "DIRECTORY_STATE_DELETED" && (
            <Text size="xs" c="dimmed">
              {[
                words.users(Number(progress.userCount)),
                words.groups(Number(progress.groupCount)),
                words.quirks(progress.quirkCount),
                ...(progress.ignoredValueCount > 0 ? [words.ignored(progress.ignoredValueCount)] : []),
              ].join(" · ")}
            </Text>
          )}
        </Stack>
        <Bars
          counts={activity?.counts ?? []}
          start={start}
          period={hour}
          periods={24}
          label={words.chart(sum.accepted, sum.failed)}
        />
      </Group>
      <dl className={classes.facts}>
        <div>
          <dt>{words.lastMessage}</dt>
          <dd>
            <Time value={activity?.lastMessageTime} as="ago" />
          </dd>
        </div>
        <div>
          <dt>{words.lastRefused}</dt>
          <dd>
            <Time value={directory.lastRefusalTime} as="ago" />
          </dd>
        </div>
        <div>
          <dt>{words.failedShare}</dt>
          <dd>
            {new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 }).format(
              all === 0 ? 0 : sum.failed / all,
            )}
          </dd>
        </div>
        {directory.state !== "DIRECTORY_STATE_DELETED" && (
          <div>
            <dt>{words.keyExpires}</dt>
            <dd>
              <Time value={directory.earliestKeyExpireTime} as="ago" none={words.neverExpires} />
            </dd>
          </div>
        )}
      </dl>
    </Paper>
  );
}
