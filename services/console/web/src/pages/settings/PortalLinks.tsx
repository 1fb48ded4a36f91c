import { Alert, Button, Checkbox, Group, NativeSelect, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { allDirectoriesKey, readAllDirectories } from "../../api/directories";
import { sometimes, useLivePages } from "../../api/live";
import { newRequestId } from "../../api/requestId";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { SecretDialog } from "../../parts/SecretDialog";
import { Failure, Loading } from "../../parts/States";
import { full, Time } from "../../parts/Time";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";

type PortalLink = Schemas["PortalLink"];

const linksPath = "/api/v1/organizations/{organizationId}/portalLinks";

function stateOf(link: PortalLink): keyof typeof text.settings.links.states {
  if (link.revokeTime) {
    return "revoked";
  }
  if (link.useTime) {
    return "used";
  }
  return Date.parse(link.expireTime ?? "") <= Date.now() ? "expired" : "open";
}

/** The links that open the console without an account. */
export function PortalLinks({ organization }: { organization: string }) {
  const words = text.settings.links;
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<{ of: "create" } | { of: "revoke"; link: PortalLink }>();
  const [made, setMade] = useState<{ url: string; omitted: boolean }>(); // in this state only: no cache keeps it
  const directories = useDirectories(organization);
  const key = ["portalLinks", organization];
  const list = useLivePages(
    key,
    (pageToken) =>
      answer(
        api.GET(linksPath, {
          params: { path: { organizationId: organization }, query: { pageSize: 100, pageToken } },
        }),
      ),
    sometimes,
    (pages) => pages <= 1,
  );
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const all = list.data.pages.flatMap((page) => page.portalLinks);
  const close = () => setDialog(undefined);
  const changed = async () => {
    close();
    await queries.invalidateQueries({ queryKey: key });
  };
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={2}>{words.title}</Title>
        <Button variant={all.length === 0 ? "filled" : "default"} onClick={() => setDialog({ of: "create" })}>
          {words.create}
        </Button>
      </Group>
      <Text>{all.length === 0 ? `${words.none} ${words.some}` : words.some}</Text>
      {all.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={{ ...words.columns, actions: words.actions }}
          minWidth="52rem"
          rows={all.map((link) => ({
            key: link.id,
            cells: [
              <What key="what" link={link} directories={directories} />,
              <Text key="created" size="sm" component="div">
                <Time value={link.createTime} />
                <Text size="xs" c="dimmed">
                  {words.by} <bdi>{nameOfPrincipal(link.createdBy)}</bdi>
                </Text>
              </Text>,
              <State key="state" link={link} />,
              link.revokeTime || stateOf(link) === "expired" ? null : (
                <Button
                  key="revoke"
                  size="xs"
                  variant="default"
                  aria-label={words.revokeOf(full.format(new Date(link.createTime)))}
                  onClick={() => setDialog({ of: "revoke", link })}
                >
                  {words.revoke}
                </Button>
              ),
            ],
          }))}
        />
      )}
      <More list={list} />
      {dialog?.of === "create" && (
        <Create
          organization={organization}
          directories={directories}
          onMade={async (next) => {
            setMade(next);
            await changed();
          }}
          onClose={close}
        />
      )}
      {dialog?.of === "revoke" && (
        <FormDialog
          title={words.revokeTitle}
          action={words.revokeAction}
          dangerous
          run={async () => {
            await answer(
              api.POST(`${linksPath}/{id}:revoke`, {
                params: { path: { organizationId: organization, id: dialog.link.id } },
              }),
            );
            await changed();
          }}
          onClose={close}
        >
          <Text>{words.revokeText}</Text>
        </FormDialog>
      )}
      {made?.omitted && <Alert color="yellow">{words.omitted}</Alert>}
      {made?.url && <SecretDialog secret={made.url} words={words} onClose={() => setMade(undefined)} />}
    </Stack>
  );
}

/** Reads the names of the directories, by id. */
function useDirectories(organization: string): Schemas["Directory"][] {
  return (
    useQuery({ queryKey: allDirectoriesKey(organization), queryFn: () => readAllDirectories(organization) }).data ?? []
  );
}

function What({ link, directories }: { link: PortalLink; directories: Schemas["Directory"][] }) {
  const words = text.settings.links;
  const directory = directories.find(({ id }) => id === link.directoryId);
  return (
    <Text size="sm" component="div">
      {link.scopes.map((scope) => words.scopeWords[scope] ?? scope).join(", ")}
      <Text size="xs" c="dimmed">
        {link.directoryId ? (
          <bdi>{directory?.displayName ?? words.deletedDirectory}</bdi>
        ) : link.newDirectory ? (
          words.one
        ) : (
          words.all
        )}
      </Text>
    </Text>
  );
}

function State({ link }: { link: PortalLink }) {
  const words = text.settings.links;
  const state = stateOf(link);
  return (
    <Text size="sm" component="div">
      <Label tone={state === "open" ? "good" : "quiet"}>{words.states[state]}</Label>
      <Text size="xs" c="dimmed" component="div">
        {state === "open" && (
          <>
            {words.until} <Time value={link.expireTime} />
          </>
        )}
        {link.useTime && (
          <>
            <Time value={link.useTime} /> {link.useAddress && `${words.from} ${link.useAddress}`}
          </>
        )}
      </Text>
    </Text>
  );
}

interface CreateProps {
  organization: string;
  directories: Schemas["Directory"][];
  onMade: (made: { url: string; omitted: boolean }) => Promise<void>;
  onClose: () => void;
}

type LinkScope = keyof typeof text.settings.links.scopeWords;

function Create({ organization, directories, onMade, onClose }: CreateProps) {
  const words = text.settings.links;
  const [scopes, setScopes] = useState<LinkScope[]>(["SCOPE_MANAGE_DIRECTORIES", "SCOPE_READ_EVENTS"]);
  const [opens, setOpens] = useState("one");
  const [hours, setHours] = useState("24");
  const [requestId] = useState(newRequestId);
  const run = async () => {
    const result = await answer(
      api.POST(linksPath, {
        params: { path: { organizationId: organization }, query: { requestId } },
        body: {
          scopes: scopes as Schemas["PortalLink"]["scopes"],
          newDirectory: opens === "one",
          directoryId: opens === "one" || opens === "all" ? "" : opens,
          expireTime: new Date(Date.now() + Number(hours) * 3_600_000 - 60_000).toISOString(), // a clock can differ
        },
      }),
    );
    await onMade({ url: result.url, omitted: result.secretOmitted });
  };
  const open = directories.filter(({ state }) => state !== "DIRECTORY_STATE_DELETED");
  return (
    <FormDialog title={words.create} action={words.create} incomplete={scopes.length === 0} run={run} onClose={onClose}>
      <Checkbox.Group label={words.scopes} value={scopes} onChange={(value) => setScopes(value as LinkScope[])}>
        <Stack gap="xs" mt="xs">
          {Object.entries(words.scopeWords).map(([scope, label]) => (
            <Checkbox key={scope} value={scope} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
      <NativeSelect
        label={words.directory}
        value={opens}
        onChange={(event) => setOpens(event.currentTarget.value)}
        data={[
          { value: "one", label: words.one },
          { value: "all", label: words.all },
          ...open.map((directory) => ({ value: directory.id, label: directory.displayName ?? directory.id })),
        ]}
      />
      <NativeSelect
        label={words.expires}
        value={hours}
        onChange={(event) => setHours(event.currentTarget.value)}
        data={Object.entries(words.lifetimes).map(([value, label]) => ({ value, label }))}
      />
    </FormDialog>
  );
}
