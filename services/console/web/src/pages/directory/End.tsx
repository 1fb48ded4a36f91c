import { Anchor, Button, Code, Stack, Text, Title } from "@mantine/core";
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { readGroupNames, readUserNames } from "../../api/people";
import { useMay } from "../../api/session";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { DataTable } from "../../parts/DataTable";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { count } from "../../text/shell";
import { useSuccessor } from "./successor";

type Directory = Schemas["Directory"];

const directoryPath = "/api/v1/organizations/{organizationId}/directories/{directoryId}";

/** How a directory ends, and what its successor takes over. */
export function End({ directory }: { directory: Directory }) {
  const deleted = directory.state === "DIRECTORY_STATE_DELETED";
  return (
    <Stack gap="xl">
      {directory.replacesId && !deleted && <Adoption directory={directory} />}
      {deleted ? <Deleted directory={directory} /> : <Delete directory={directory} />}
    </Stack>
  );
}

const tones = { stays: "good", changes: "warn", goes: "bad" } as const;

function Delete({ directory }: { directory: Directory }) {
  const words = text.directory.end;
  const { organizationId, id } = directory;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayDelete = useMay("MANAGE_DIRECTORIES");
  const [asked, setAsked] = useState(false);
  const progress = useQuery({
    queryKey: ["progress", organizationId, id],
    queryFn: () =>
      answer(api.GET(`${directoryPath}/progress`, { params: { path: { organizationId, directoryId: id } } })),
  }).data?.progress;
  const rows = words.rows(
    progress ? count(Number(progress.userCount), "user") : text.directory.users,
    progress ? count(Number(progress.groupCount), "group") : text.directory.groups,
    count(directory.validKeyCount, "API key"),
  );
  const remove = async () => {
    await answer(
      api.DELETE("/api/v1/organizations/{organizationId}/directories/{id}", {
        params: { path: { organizationId, id } },
      }),
    );
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["directory", organizationId, id] }),
      queries.invalidateQueries({ queryKey: ["directories", organizationId] }),
    ]);
    await navigate(paths.directory(organizationId, id, "end"), { replace: true });
  };
  return (
    <Stack>
      <Title order={2}>{words.title}</Title>
      <DataTable
        caption={words.caption}
        columns={{ what: words.what, kind: words.effect, outcome: words.outcome }}
        rows={rows.map((row) => ({
          key: row.what,
          cells: [
            row.what,
            <Label key="kind" tone={tones[row.kind]}>
              {words[row.kind]}
            </Label>,
            row.outcome,
          ],
        }))}
      />
      {mayDelete && (
        <Button color="red.8" w="fit-content" onClick={() => setAsked(true)}>
          {words.action}
        </Button>
      )}
      <ConfirmByName
        opened={asked}
        title={words.title}
        name={directory.displayName ?? id}
        action={words.action}
        onConfirm={remove}
        onClose={() => setAsked(false)}
      >
        <Text>{words.confirm}</Text>
      </ConfirmByName>
    </Stack>
  );
}

function Deleted({ directory }: { directory: Directory }) {
  const words = text.directory.end;
  const successor = useSuccessor(directory);
  return (
    <Stack>
      <Title order={2}>{words.deletedTitle}</Title>
      <Text>{words.confirm}</Text>
      {successor ? (
        <Text>
          {words.wasReplaced}{" "}
          <Anchor component={Link} to={paths.directory(directory.organizationId, successor.id, "end")}>
            <bdi>{successor.displayName}</bdi>
          </Anchor>
        </Text>
      ) : (
        <Text>{words.canReplace}</Text>
      )}
    </Stack>
  );
}

/** What a directory has taken over from the one that it replaces, and what it has not. */
function Adoption({ directory }: { directory: Directory }) {
  const words = text.directory.end;
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <Title order={2}>{words.adoptionTitle}</Title>
        <Text>{words.adoption}</Text>
      </Stack>
      <Unadopted directory={directory} />
      <Carried directory={directory} />
    </Stack>
  );
}

function Unadopted({ directory }: { directory: Directory }) {
  const words = text.directory.end;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const mayReadPeople = useMay("READ_PEOPLE");
  const list = useInfiniteQuery({
    queryKey: ["unadopted", path.organizationId, path.directoryId],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET(`${directoryPath}/unadopted`, { params: { path, query: { pageSize: 100, pageToken: pageParam } } }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
  });
  const resources = list.data?.pages.flatMap((page) => page.resources) ?? [];
  return (
    <Stack gap="sm">
      <Title order={3}>{words.unadoptedTitle}</Title>
      <State list={list} empty={resources.length === 0} none={words.allAdopted} some={words.unadopted} />
      {resources.length > 0 && (
        <>
          {!mayReadPeople && (
            <Text size="sm" c="dimmed">
              {words.names}
            </Text>
          )}
          <DataTable
            caption={words.unadoptedTitle}
            columns={words.unadoptedColumns}
            rows={resources.map((resource) => ({
              key: resource.id,
              cells: [
                <bdi key="name">{resource.name}</bdi>,
                words.types[resource.resourceType],
                <bdi key="external">{resource.externalId}</bdi>,
                <Code key="id">{resource.id}</Code>,
              ],
            }))}
          />
        </>
      )}
      <More list={list} />
    </Stack>
  );
}

function Carried({ directory }: { directory: Directory }) {
  const words = text.directory.end;
  const path = { organizationId: directory.organizationId, directoryId: directory.id };
  const queries = useQueryClient();
  const mayFinish = useMay("MANAGE_DIRECTORIES");
  const [asked, setAsked] = useState(false);
  const [said, setSaid] = useState("");
  const list = useInfiniteQuery({
    queryKey: ["carried", path.organizationId, path.directoryId],
    queryFn: async ({ pageParam }) => {
      const page = await answer(
        api.GET(`${directoryPath}/carriedMembers`, {
          params: { path, query: { pageSize: 100, pageToken: pageParam } },
        }),
      );
      return { ...page, names: await namesOf(path.organizationId, page.members) };
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
  });
  const members =
    list.data?.pages.flatMap((page) => page.members.map((member) => ({ ...member, names: page.names }))) ?? [];
  const finish = async () => {
    const { removedCount } = await answer(api.POST(`${directoryPath}:finishAdoption`, { params: { path } }));
    setSaid(words.finished(Number(removedCount)));
    await queries.invalidateQueries({ queryKey: ["carried", path.organizationId, path.directoryId] });
  };
  return (
    <Stack gap="sm">
      <Title order={3}>{words.carriedTitle}</Title>
      <State list={list} empty={members.length === 0} none={words.noCarried} some={words.carried} />
      {members.length > 0 && (
        <>
          <DataTable
            caption={words.carriedTitle}
            columns={words.carriedColumns}
            rows={members.map(({ groupId, member, names }) => ({
              key: `${groupId} ${member?.id}`,
              cells: [
                <bdi key="group">{names.get(groupId) ?? groupId}</bdi>,
                <bdi key="member">{names.get(member?.id ?? "") ?? member?.id}</bdi>,
              ],
            }))}
          />
          {mayFinish && (
            <Button color="red.8" w="fit-content" onClick={() => setAsked(true)}>
              {words.finish}
            </Button>
          )}
        </>
      )}
      <Text size="sm" role="status">
        {said}
      </Text>
      <More list={list} />
      <ConfirmByName
        opened={asked}
        title={words.finish}
        name={directory.displayName ?? directory.id}
        action={words.finish}
        onConfirm={finish}
        onClose={() => setAsked(false)}
      >
        <Text>{words.finishText}</Text>
      </ConfirmByName>
    </Stack>
  );
}

/** Returns the names of groups and of users by id, as far as the reader may read them. */
async function namesOf(organizationId: string, members: Schemas["CarriedMember"][]): Promise<Map<string, string>> {
  try {
    const [groups, users] = await Promise.all([
      readGroupNames(
        organizationId,
        members.map((m) => m.groupId),
      ),
      readUserNames(
        organizationId,
        members.map((m) => m.member?.id ?? ""),
      ),
    ]);
    return new Map([...groups, ...users]);
  } catch {
    return new Map(); // the ids are shown: some readers may not read names
  }
}

type List = UseInfiniteQueryResult<InfiniteData<unknown>>;

function State({ list, empty, none, some }: { list: List; empty: boolean; none: string; some: string }) {
  if (list.error) {
    return <Failure error={list.error} retry={() => void list.refetch()} />;
  }
  return list.isPending ? <Loading lines={2} /> : <Text>{empty ? none : some}</Text>;
}
