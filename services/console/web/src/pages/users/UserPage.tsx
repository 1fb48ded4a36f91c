import { Tabs } from "@mantine/core";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";
import { Access } from "./Access";
import { badgeOf, situationOf } from "./badge";
import { Changes } from "./Changes";
import { Data } from "./Data";
import { Groups } from "./Groups";
import { Manage } from "./Manage";
import { SuspendOrResume } from "./Suspension";

type Tab = keyof typeof text.users.tabs;

/** One user: what access the user has and why, the groups, what changed, and what the identity provider sent. */
export function UserPage() {
  const { organization = "", user: id = "" } = useParams();
  const path = { organizationId: organization, userId: id };
  const user = useLive(
    ["user", organization, id],
    () => answer(api.GET("/api/v1/organizations/{organizationId}/users/{userId}", { params: { path } })),
    sometimes,
  );
  const mayReadAccess = useMay("READ_ACCESS", "GRANT_ACCESS");
  const explanation = useLive(
    ["explanation", organization, id],
    () => answer(api.GET("/api/v1/organizations/{organizationId}/users/{userId}/access:explain", { params: { path } })),
    sometimes,
    mayReadAccess,
  );
  const access = useLive(
    ["access", organization, id],
    () =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/access", {
          params: { path: { organizationId: organization }, query: { userId: id, pageSize: 1000 } },
        }),
      ),
    sometimes,
    mayReadAccess,
  );
  if (!user.data?.user) {
    return user.error ? (
      <Page title={text.users.title} above={[{ title: text.users.title, to: paths.users(organization) }]}>
        <Failure error={user.error} retry={() => void user.refetch()} />
      </Page>
    ) : (
      <Loading />
    );
  }
  return (
    <Parts
      key={id}
      read={user.data}
      user={user.data.user}
      access={access.data?.access}
      explanation={explanation.data}
      error={access.error ?? explanation.error}
    />
  );
}

interface PartsProps {
  read: Schemas["GetUserResponse"];
  user: Schemas["User"];
  access: Schemas["Access"][] | undefined;
  explanation: Schemas["ExplainAccessResponse"] | undefined;
  error: unknown;
}

function Parts({ read, user, access, explanation, error }: PartsProps) {
  const words = text.users;
  const { organizationId, id } = user;
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const mayManage = useMay("MANAGE_DIRECTORIES");
  const shown: Partial<Record<Tab, boolean>> = {
    access: useMay("READ_ACCESS", "GRANT_ACCESS"),
    changes: useMay("READ_ACCESS"),
    manage: user.detached && mayManage,
  };
  const tabs = (Object.keys(words.tabs) as Tab[]).filter((tab) => shown[tab] ?? true);
  const wanted = search.get("tab") as Tab;
  const tab = tabs.includes(wanted) ? wanted : (tabs[0] ?? "data");
  const badge = access && badgeOf(access);
  const suspension = explanation?.suspension;
  return (
    <Page
      title={user.displayName || user.userName || id}
      situation={
        <>
          {badge && <Label tone={badge === "none" ? "quiet" : "good"}>{words.badge[badge]}</Label>}{" "}
          {words.situationOf[situationOf(user, explanation)]}
          {suspension && (
            <>
              {" "}
              {words.suspendedBy(nameOfPrincipal(suspension.suspendedBy))}{" "}
              <Time value={suspension.createTime} as="ago" />
              {suspension.reason && ": "}
              <bdi>{suspension.reason}</bdi>
            </>
          )}
        </>
      }
      above={[{ title: words.title, to: paths.users(organizationId) }]}
      action={explanation && <SuspendOrResume user={user} suspended={suspension !== null} />}
    >
      {error !== null && error !== undefined && <Failure error={error} />}
      <Tabs
        value={tab}
        onChange={(to) => void navigate(paths.user(organizationId, id, to ?? ""), { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={words.tabsLabel}>
          {tabs.map((name) => (
            <Tabs.Tab key={name} value={name} px={{ base: "0.55rem", xs: "md" }}>
              {words.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="access" pt="lg">
          {access ? <Access user={user} access={access} explanation={explanation} /> : !error && <Loading />}
        </Tabs.Panel>
        <Tabs.Panel value="groups" pt="lg">
          <Groups organization={organizationId} id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="changes" pt="lg">
          <Changes organization={organizationId} id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="data" pt="lg">
          <Data read={read} user={user} />
        </Tabs.Panel>
        <Tabs.Panel value="manage" pt="lg">
          <Manage key={user.revision} user={user} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
