import { Button, Tabs } from "@mantine/core";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { useOpenCounts } from "../../api/events";
import { type Key, readKeys } from "../../api/keys";
import { sometimes, useLive } from "../../api/live";
import { useMay, useSession } from "../../api/session";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { type Situation, situationOf, toneOf } from "../overview/situation";
import { Dialect } from "./Dialect";
import { End } from "./End";
import { Keys } from "./Keys";
import { Settings } from "./Settings";
import { Status } from "./Status";
import { useSuccessor } from "./successor";

type Tab = keyof typeof text.directory.tabs;

/** One directory: how it is, its keys, its settings, what it sends, and its end. */
export function DirectoryPage() {
  const { organization = "", directory: id = "" } = useParams();
  const path = { organizationId: organization, id };
  const directory = useLive(
    ["directory", organization, id],
    () => answer(api.GET("/api/v1/organizations/{organizationId}/directories/{id}", { params: { path } })),
    sometimes,
  );
  const activity = useLive(
    ["activity", organization, id],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/activity", {
          params: { path: { organizationId: organization }, query: { directoryId: id } },
        }),
      ),
    sometimes,
    useMay("READ_EVENTS", "MANAGE_DIRECTORIES"),
  );
  const keys = useLive(
    ["keys", organization, id],
    () => readKeys(organization, id),
    sometimes,
    useMay("READ_EVENTS", "MANAGE_DIRECTORIES"),
  );
  const openEvents = useOpenCounts(organization, id);
  if (!directory.data?.directory) {
    return directory.error ? (
      <Page title={text.nav.directory}>
        <Failure error={directory.error} retry={() => void directory.refetch()} />
      </Page>
    ) : (
      <Loading />
    );
  }
  return (
    <Parts
      key={id}
      directory={directory.data.directory}
      activity={activity.data?.activity[0]}
      known={activity.data !== undefined}
      openEvents={openEvents?.length !== 0}
      keys={keys.data}
    />
  );
}

interface PartsProps {
  directory: Schemas["Directory"];
  activity: Schemas["DirectoryActivity"] | undefined;
  known: boolean;
  openEvents: boolean;
  keys: Key[] | undefined;
}

function Parts({ directory, activity, known, openEvents, keys }: PartsProps) {
  const words = text.directory;
  const { organizationId, id } = directory;
  const session = useSession();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const chosen = search.get("tab") ?? "";
  const tab: Tab = chosen in words.tabs ? (chosen as Tab) : "status";
  const situation = situationOf(directory, activity, { activity: known, openEvents, keys });
  return (
    <Page
      title={directory.displayName ?? id}
      situation={
        <>
          <Label tone={toneOf(situation.level)}>{text.overview.level[situation.level]}</Label> {situation.sentence}
        </>
      }
      above={session.oneDirectory ? [] : [{ title: text.overview.title, to: paths.overview(organizationId) }]}
      action={<NextAction directory={directory} situation={situation} />}
    >
      <Tabs
        value={tab}
        onChange={(to) => void navigate(paths.directory(organizationId, id, to ?? ""), { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={words.tabsLabel}>
          {(Object.keys(words.tabs) as Tab[]).map((name) => (
            <Tabs.Tab key={name} value={name} px={{ base: "0.55rem", xs: "md" }}>
              {words.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="status" pt="lg">
          <Status directory={directory} activity={activity} />
        </Tabs.Panel>
        <Tabs.Panel value="keys" pt="lg">
          <Keys directory={directory} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="lg">
          <Settings directory={directory} />
        </Tabs.Panel>
        <Tabs.Panel value="dialect" pt="lg">
          <Dialect directory={directory} />
        </Tabs.Panel>
        <Tabs.Panel value="end" pt="lg">
          <End directory={directory} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** The one thing to do next. */
function NextAction({ directory, situation }: { directory: Schemas["Directory"]; situation: Situation }) {
  const words = text.directory;
  const { organizationId, id } = directory;
  const session = useSession();
  const successor = useSuccessor(directory);
  const link = (label: string, to: string, variant: "filled" | "default" = "filled") => (
    <Button component={Link} to={to} variant={variant}>
      {label}
    </Button>
  );
  if ((situation.cause === "failing" || situation.cause === "limited") && session.scopes.has("READ_EVENTS")) {
    return link(words.lookAtEvents, paths.failedEvents(organizationId, { directory: id }));
  }
  if (!session.scopes.has("MANAGE_DIRECTORIES")) {
    return null;
  }
  switch (situation.cause) {
    case "deleted":
      return successor === null ? link(words.replaceIt, paths.newDirectory(organizationId, id)) : null;
    case "noKey":
    case "refused":
    case "alsoRefused":
    case "expires":
      return link(words.lookAtKeys, paths.directory(organizationId, id, "keys"));
    case "unusedKey":
      return link(words.enterKey, paths.setUp(organizationId, id, text.setUp.guideRotate));
    case "waits":
      return link(words.continueSetUp, paths.setUp(organizationId, id));
    default:
      return link(words.guide, paths.setUp(organizationId, id), "default");
  }
}
