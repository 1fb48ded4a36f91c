import { Tabs } from "@mantine/core";
import type { ReactNode } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { apiError } from "../../api/errors";
import { sometimes, useLive, useLivePages } from "../../api/live";
import { useMay } from "../../api/session";
import { useSuspension } from "../../api/suspensions";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { Access } from "./Access";
import { badgeOf, isSuspended, situationOf } from "./badge";
import { Changes } from "./Changes";
import { Data } from "./Data";
import { Groups } from "./Groups";
import { Manage } from "./Manage";
import { SuspendedBy } from "./Suspended";
import { SuspendOrResume } from "./Suspension";

type Tab = keyof typeof text.users.tabs;

/** One user: what access the user has and why, the groups, what changed, and what the identity provider sent. */
export function UserPage() {
  const { organization = "", user: id = "" } = useParams();
  return <OneUser key={id} organization={organization} id={id} />;
}

function OneUser({ organization, id }: { organization: string; id: string }) {
  const words = text.users;
  const path = { organizationId: organization, userId: id };
  const read = useLive(
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
  const access = useLivePages(
    ["access", organization, id],
    (pageToken) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/access", {
          params: { path: { organizationId: organization }, query: { userId: id, pageSize: 1000, pageToken } },
        }),
      ),
    sometimes,
    (pages) => pages <= 1,
    mayReadAccess,
  );
  const held = access.data?.pages.flatMap((page) => page.access);
  const { suspension, error: suspensionError } = useSuspension(organization, id);
  const suspended = isSuspended(held, suspension);
  const user = read.data?.user;
  const name = user?.displayName || user?.userName || id;
  const settled = suspended !== undefined || (access.error !== null && suspensionError !== null);
  return (
    <Page
      title={user ? name : words.oneTitle}
      situation={
        <>
          {suspended && <Label tone="bad">{words.suspended}</Label>}{" "}
          {user && <Badge access={held} more={access.hasNextPage} suspended={suspended ?? false} />}{" "}
          {suspended
            ? words.situationOf.suspended
            : user &&
              (suspended === false || !mayReadAccess) &&
              words.situationOf[situationOf(user, { suspended: false, unknown: isUnknown(held, explanation.data) })]}
          {suspended && suspension && (
            <>
              {" "}
              <SuspendedBy suspension={suspension} />
            </>
          )}
        </>
      }
      above={[{ title: words.title, to: paths.users(organization) }]}
      // A second suspension changes nothing, so it is the choice while nobody can say whether there is one.
      action={
        settled &&
        mayExist(read.error) && (
          <SuspendOrResume
            organization={organization}
            id={id}
            user={user ?? undefined}
            suspended={suspended ?? false}
          />
        )
      }
    >
      {!user && (read.error ? <Failure error={read.error} retry={() => void read.refetch()} /> : <Loading />)}
      {user && read.data && (
        <Parts
          read={read.data}
          user={user}
          access={held}
          more={<More list={access} />}
          explanation={explanation.data}
          failed={explanation.error !== null}
          error={access.error ?? explanation.error}
        />
      )}
    </Page>
  );
}

/** Reports whether there can be a user of this organization with the id, although the identity service does not say so. */
function mayExist(error: unknown): boolean {
  if (!error) {
    return true;
  }
  const failure = apiError(error);
  return failure.temporary || failure.status === 404;
}

interface BadgeProps {
  access: Schemas["Access"][] | undefined;
  /** Whether there is more access than was read. */
  more: boolean;
  /** Whether none of it counts. */
  suspended: boolean;
}

/** From where the access comes. While there is more than was read, only a badge that more access cannot change appears. */
function Badge({ access, more, suspended }: BadgeProps) {
  const badge = access && badgeOf(access);
  return (
    badge &&
    (!more || badge === "both") && (
      <Label tone={badge === "none" || suspended ? "quiet" : "good"}>{text.users.badge[badge]}</Label>
    )
  );
}

function isUnknown(access: Schemas["Access"][] | undefined, explanation: Schemas["ExplainAccessResponse"] | undefined) {
  return Boolean(explanation?.setAsideDetail) || (access ?? []).some((held) => held.unknown);
}

interface PartsProps {
  read: Schemas["GetUserResponse"];
  user: Schemas["User"];
  access: Schemas["Access"][] | undefined;
  /** Reads more of the access, if there is more. */
  more: ReactNode;
  explanation: Schemas["ExplainAccessResponse"] | undefined;
  /** Whether the explanation could not be read. */
  failed: boolean;
  error: unknown;
}

function Parts({ read, user, access, more, explanation, failed, error }: PartsProps) {
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
  return (
    <>
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
          {access ? (
            <Access user={user} access={access} more={more} explanation={explanation} failed={failed} />
          ) : (
            !error && <Loading />
          )}
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
          <Manage user={user} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
