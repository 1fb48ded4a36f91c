import { Anchor, Group, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { useDirectoryNames } from "../../api/directories";
import { useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { DirectoryFilter } from "../../parts/DirectoryFilter";
import { Label } from "../../parts/Label";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { useTyped } from "../../parts/useTyped";
import { paths } from "../../paths";
import { text } from "../../text";
import { Values } from "./Values";

type Tab = keyof typeof text.groups.tabs;

/** The groups of an organization, and the role values of its users. */
export function Groups() {
  const words = text.groups;
  const { organization = "" } = useParams();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const tab: Tab = search.get("tab") === "values" ? "values" : "groups";
  return (
    <Page title={words.title} situation={words.situation}>
      <Tabs
        value={tab}
        onChange={(to) => void navigate(paths.groups(organization, to ?? ""), { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={words.tabsLabel}>
          {(Object.keys(words.tabs) as Tab[]).map((name) => (
            <Tabs.Tab key={name} value={name}>
              {words.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="groups" pt="lg">
          <List organization={organization} />
        </Tabs.Panel>
        <Tabs.Panel value="values" pt="lg">
          <Values organization={organization} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function List({ organization }: { organization: string }) {
  const words = text.groups;
  const [search, setSearch] = useSearchParams();
  const find = search.get("find") ?? "";
  const directory = search.get("directory") ?? "";
  const directories = useDirectoryNames(organization);
  const { rules } = useRules(organization, useMay("READ_ACCESS", "MANAGE_RULES"));
  const change = (to: Record<string, string>) =>
    setSearch(
      (now) => Object.fromEntries(Object.entries({ ...Object.fromEntries(now), ...to }).filter(([, value]) => value)),
      { replace: true },
    );
  const [typed, setTyped] = useTyped(find, (to) => change({ find: to }));
  const list = useInfiniteQuery({
    queryKey: ["groups", organization, find, directory],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/groups:search", {
          params: {
            path: { organizationId: organization },
            query: {
              query: find.trim(),
              pageSize: 50,
              pageToken: pageParam,
              ...(directory && { directoryId: directory }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
    placeholderData: keepPreviousData,
  });
  const all = list.data?.pages.flatMap((page) => page.groups) ?? [];
  const using = (id: string) =>
    rules?.filter((rule) => rule.group?.pins.some((pin) => pin.groupId === id && pin.state === "PIN_STATE_PINNED"));
  return (
    <Stack>
      <Group gap="sm" align="flex-end">
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
        <DirectoryFilter directories={directories} value={directory} onChange={(to) => change({ directory: to })} />
      </Group>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Loading />}
      {list.data && !list.isPlaceholderData && all.length === 0 && (find || directory) && (
        <Text role="status">{list.hasNextPage ? words.noneYet : words.none}</Text>
      )}
      {list.data && !list.isPlaceholderData && all.length === 0 && !find && !directory && (
        <Empty title={words.emptyTitle}>{words.empty}</Empty>
      )}
      {all.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          rows={all.map((group) => ({
            key: group.id,
            cells: [
              <Anchor key="name" component={Link} to={paths.group(organization, group.id)}>
                <bdi>{group.displayName}</bdi>
              </Anchor>,
              <Stack key="directory" gap={4} align="flex-start">
                <bdi>{directories.get(group.directoryId) ?? group.directoryId}</bdi>
                {group.detached && <Label tone="warn">{words.detached}</Label>}
              </Stack>,
              rules && words.rules(using(group.id)?.length ?? 0),
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}
