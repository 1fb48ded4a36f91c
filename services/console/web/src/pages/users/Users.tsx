import { Anchor, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { useMay } from "../../api/session";
import { useSuspended } from "../../api/suspensions";
import { DataTable } from "../../parts/DataTable";
import { DirectoryFilter } from "../../parts/DirectoryFilter";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { useTyped } from "../../parts/useTyped";
import { paths } from "../../paths";
import { text } from "../../text";
import { Suspended } from "./Suspended";

type State = Schemas["UserState"];

const pageSize = 50;

/** The choice of the suspended users. They are a list of their own, which the rule service has, and which no text limits. */
const suspendedOnly = "suspended";

interface Filter {
  find: string;
  state: string;
  directory: string;
}

/** Finds users while somebody types. */
export function Users() {
  const words = text.users;
  const { organization = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const filter: Filter = {
    find: search.get("find") ?? "",
    state: search.get("state") ?? "",
    directory: search.get("directory") ?? "",
  };
  const directories = useDirectoryNames(organization);
  const maySeeSuspended = useMay("READ_ACCESS", "GRANT_ACCESS");
  const onlySuspended = maySeeSuspended && filter.state === suspendedOnly;
  const change = (to: Partial<Filter>) =>
    setSearch(
      (now) => Object.fromEntries(Object.entries({ ...Object.fromEntries(now), ...to }).filter(([, value]) => value)),
      { replace: true },
    );
  const [typed, setTyped] = useTyped(filter.find, (find) => change({ find }));
  return (
    <Page title={words.title} situation={words.situation}>
      <Group gap="sm" align="flex-end">
        {!onlySuspended && (
          <TextInput
            type="search"
            label={words.find}
            description={words.findHelp}
            value={typed}
            maxLength={200}
            flex="1 1 18rem"
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        )}
        <NativeSelect
          label={words.state}
          value={filter.state}
          data={[
            ...Object.entries(words.states).map(([value, label]) => ({ value, label })),
            ...(maySeeSuspended ? [{ value: suspendedOnly, label: words.suspended }] : []),
          ]}
          onChange={(event) => change({ state: event.currentTarget.value })}
        />
        {!onlySuspended && (
          <DirectoryFilter
            directories={directories}
            value={filter.directory}
            onChange={(to) => change({ directory: to })}
          />
        )}
      </Group>
      {onlySuspended ? (
        <Suspended organization={organization} />
      ) : (
        <Found organization={organization} filter={filter} directories={directories} />
      )}
    </Page>
  );
}

interface FoundProps {
  organization: string;
  filter: Filter;
  /** The names of the directories, by id. */
  directories: Map<string, string>;
}

/** The users that a filter leaves. */
function Found({ organization, filter, directories }: FoundProps) {
  const words = text.users;
  const suspended = useSuspended(organization);
  const list = useInfiniteQuery({
    queryKey: ["users", organization, filter],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/users:search", {
          params: {
            path: { organizationId: organization },
            query: {
              query: filter.find.trim(),
              pageSize,
              pageToken: pageParam,
              ...(filter.state in words.states && filter.state && { state: filter.state as State }),
              ...(filter.directory && { directoryId: filter.directory }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
    placeholderData: keepPreviousData,
  });
  const all = list.data?.pages.flatMap((page) => page.users) ?? [];
  const filtered = Object.values(filter).some(Boolean);
  return (
    <>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Loading />}
      {list.data && !list.isPlaceholderData && all.length === 0 && !filtered && (
        <Empty title={words.emptyTitle}>{words.empty}</Empty>
      )}
      {list.data && !list.isPlaceholderData && all.length === 0 && filtered && (
        <Text role="status">{list.hasNextPage ? words.noneYet : words.none}</Text>
      )}
      {all.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          rows={all.map((user) => ({
            key: user.id,
            cells: [
              <Anchor key="name" component={Link} to={paths.user(organization, user.id)}>
                <bdi>{user.userName || user.id}</bdi>
              </Anchor>,
              <bdi key="displayName">{user.displayName}</bdi>,
              <bdi key="email">{user.email}</bdi>,
              <bdi key="directory">{directories.get(user.directoryId) ?? user.directoryId}</bdi>,
              <Labels key="state" user={user} suspended={suspended.has(user.id)} />,
            ],
          }))}
        />
      )}
      <More list={list} />
    </>
  );
}

/** The state of a user: what takes access away comes first. */
function Labels({ user, suspended }: { user: Schemas["UserSummary"]; suspended: boolean }) {
  const words = text.users;
  return (
    <Stack gap={4} align="flex-start">
      {suspended && <Label tone="bad">{words.suspended}</Label>}
      <Label tone={user.active && !suspended ? "good" : "quiet"}>{user.active ? words.active : words.inactive}</Label>
      {user.detached && <Label tone="warn">{words.detached}</Label>}
    </Stack>
  );
}
