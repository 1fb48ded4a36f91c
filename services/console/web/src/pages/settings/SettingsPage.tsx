import { Alert, Anchor, Button, List, Stack, Tabs, Text } from "@mantine/core";
import { useRef } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { apiError } from "../../api/errors";
import { often, sometimes, useLive } from "../../api/live";
import { useAccessStatus } from "../../api/rules";
import { type Session, useSession } from "../../api/session";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { AccessSettings } from "./AccessSettings";
import { Addresses } from "./Addresses";
import { Admins } from "./Admins";
import { Credentials } from "./Credentials";
import { Manage } from "./Manage";
import { PortalLinks } from "./PortalLinks";
import { SetAside } from "./SetAside";
import { Tenants } from "./Tenants";

type Tab = keyof typeof text.settings.tabs;

/** Returns the tabs that a session may open. */
function tabsOf({ scopes, kind }: Session): Tab[] {
  const has = (...some: (typeof scopes extends Set<infer S> ? S : never)[]) => some.some((scope) => scopes.has(scope));
  const all: [Tab, boolean][] = [
    ["access", has("MANAGE_RULES", "READ_ACCESS")],
    ["admins", has("READ_ACCESS", "GRANT_ACCESS")],
    ["setAside", has("MANAGE_RULES", "READ_ACCESS")],
    ["tenants", has("MANAGE_ORGANIZATIONS", "MANAGE_RULES", "GRANT_ACCESS", "READ_ACCESS")],
    ["links", has("MANAGE_ORGANIZATIONS")],
    ["credentials", kind === "PRINCIPAL_KIND_OPERATOR"],
    ["addresses", true],
    ["manage", has("MANAGE_ORGANIZATIONS")],
  ];
  return all.filter(([, may]) => may).map(([tab]) => tab);
}

/** What concerns an organization as a whole: who administers it, how it is reached, and what it may do. */
export function SettingsPage() {
  const words = text.settings;
  const { organization: id = "" } = useParams();
  const session = useSession();
  const erasing = useRef("");
  const organization = useLive(
    ["organization", id],
    () => answer(api.GET("/api/v1/organizations/{organizationId}", { params: { path: { organizationId: id } } })),
    erasing.current === id ? often : sometimes,
  );
  const shown = organization.data?.organization;
  if (shown?.eraseTime) {
    erasing.current = id;
  }
  if (organization.error && apiError(organization.error).status === 404 && erasing.current === id) {
    return <Gone />;
  }
  if (!shown) {
    return (
      <Page title={words.title}>
        {organization.error ? (
          <Failure error={organization.error} retry={() => void organization.refetch()} />
        ) : (
          <Loading />
        )}
      </Page>
    );
  }
  return <Parts key={id} organization={shown} session={session} />;
}

function Parts({ organization, session }: { organization: Schemas["Organization"]; session: Session }) {
  const words = text.settings;
  const { id } = organization;
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const tabs = tabsOf(session);
  const chosen = tabs.find((tab) => tab === search.get("tab"));
  const tab = chosen ?? tabs[0] ?? "addresses";
  const status = useAccessStatus(id);
  const setAside = Number(status.data?.setAsideCount ?? 0);
  const name = organization.displayName || id;
  const situation = organization.eraseTime
    ? words.erasing
    : !organization.federated
      ? words.notFederated
      : setAside > 0
        ? words.setAside.some(setAside)
        : words.federated;
  return (
    <Page
      title={words.title}
      situation={situation}
      above={[{ title: text.overview.title, to: paths.overview(id) }]}
      action={<NextAction organization={organization} setAside={setAside} tabs={tabs} tab={tab} />}
    >
      {organization.eraseTime && <Progress organization={organization} />}
      <Tabs
        value={tab}
        onChange={(to) => void navigate(paths.settings(id, to ?? ""), { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={words.tabsLabel}>
          {tabs.map((one) => (
            <Tabs.Tab key={one} value={one} px={{ base: "0.55rem", xs: "md" }}>
              {words.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="lg">
          {tab === "access" && <AccessSettings organization={id} />}
          {tab === "admins" && <Admins organization={id} />}
          {tab === "setAside" && <SetAside organization={id} status={status} />}
          {tab === "tenants" && <Tenants organization={id} />}
          {tab === "links" && <PortalLinks organization={id} />}
          {tab === "credentials" && <Credentials organization={id} name={name} />}
          {tab === "addresses" && <Addresses />}
          {tab === "manage" && <Manage organization={organization} />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

interface NextProps {
  organization: Schemas["Organization"];
  setAside: number;
  tabs: Tab[];
  tab: Tab;
}

/** The one thing to do next. */
function NextAction({ organization, setAside, tabs, tab }: NextProps) {
  const words = text.settings;
  const link = (label: string, to: Tab) =>
    tabs.includes(to) &&
    tab !== to && (
      <Button component={Link} to={paths.settings(organization.id, to)}>
        {label}
      </Button>
    );
  if (organization.eraseTime) {
    return null;
  }
  if (!organization.federated) {
    return link(words.lookAtManage, "manage");
  }
  return setAside > 0 ? link(words.lookAtSetAside, "setAside") : null;
}

/** How far the erasure of an organization is. */
function Progress({ organization }: { organization: Schemas["Organization"] }) {
  const words = text.settings.manage;
  const left = organization.erasingServices;
  return (
    <Alert color="yellow" title={words.progressTitle} role="status">
      <Stack gap="xs">
        <Text size="sm">
          {words.since} <Time value={organization.eraseTime} as="ago" />.
        </Text>
        <Text size="sm">{left.length > 0 ? words.progress : words.progressNone}</Text>
        {left.length > 0 && (
          <List size="sm">
            {left.map((service) => (
              <List.Item key={service}>{words.services[service] ?? service}</List.Item>
            ))}
          </List>
        )}
      </Stack>
    </Alert>
  );
}

/** What is left of an organization that was erased while somebody looked. */
function Gone() {
  const words = text.settings.manage;
  return (
    <Page title={text.settings.title}>
      <Empty
        title={words.goneTitle}
        action={
          <Anchor component={Link} to={paths.organizations}>
            {words.goneAction}
          </Anchor>
        }
      >
        {words.gone}
      </Empty>
    </Page>
  );
}
