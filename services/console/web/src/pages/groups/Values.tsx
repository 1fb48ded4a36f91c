import { Stack, Text, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { answer, api } from "../../api/client";
import { useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { More } from "../../parts/More";
import { Empty, Failure, Loading } from "../../parts/States";
import { useTyped } from "../../parts/useTyped";
import { text } from "../../text";

/** The role values that identity providers have sent, and the rules that use them. */
export function Values({ organization }: { organization: string }) {
  const words = text.groups;
  const [search, setSearch] = useSearchParams();
  const find = search.get("value") ?? "";
  const { rules } = useRules(organization, useMay("READ_ACCESS", "MANAGE_RULES"));
  const [typed, setTyped] = useTyped(find, (value) =>
    setSearch({ tab: "values", ...(value && { value }) }, { replace: true }),
  );
  const list = useInfiniteQuery({
    queryKey: ["roleValues", organization, find],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/organizations/{organizationId}/roleValues", {
          params: {
            path: { organizationId: organization },
            query: { query: find.trim(), pageSize: 50, pageToken: pageParam },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
    placeholderData: keepPreviousData,
  });
  const all = list.data?.pages.flatMap((page) => page.values) ?? [];
  return (
    <Stack>
      <TextInput
        type="search"
        label={words.findValue}
        value={typed}
        maxLength={200}
        maw="30rem"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Loading />}
      {list.data && !list.isPlaceholderData && all.length === 0 && find && (
        <Text role="status">{words.valuesNone}</Text>
      )}
      {list.data && !list.isPlaceholderData && all.length === 0 && !find && (
        <Empty title={words.valuesEmptyTitle}>{words.valuesEmpty}</Empty>
      )}
      {all.length > 0 && (
        <DataTable
          caption={words.valuesCaption}
          columns={words.valuesColumns}
          rows={all.map(({ value, users }) => ({
            key: value,
            cells: [
              <bdi key="value">{value}</bdi>,
              words.users(users?.count ?? 0, users?.atLeast ?? false),
              rules && words.rules(rules.filter((rule) => rule.roleValue?.value === value).length),
            ],
          }))}
        />
      )}
      <More list={list} />
    </Stack>
  );
}
