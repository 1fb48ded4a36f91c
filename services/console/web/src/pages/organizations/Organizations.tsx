import { Anchor, Button, Code, Group, Paper, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "../../api/client";
import { Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Empty, Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";

/** The operator's first page: all organizations. */
export function Organizations() {
  const list = useInfiniteQuery({
    queryKey: ["organizations"],
    queryFn: ({ pageParam }) =>
      answer(api.GET("/api/v1/organizations", { params: { query: { pageSize: 50, pageToken: pageParam } } })),
    initialPageParam: "",
    getNextPageParam: (last) => last.nextPageToken || undefined,
  });
  const all = list.data?.pages.flatMap((page) => page.organizations) ?? [];
  return (
    <Page
      title={text.organizations.title}
      situation={list.data && text.organizations.situation(all.length, list.hasNextPage)}
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Loading />}
      {list.data && all.length === 0 && (
        <Empty title={text.organizations.emptyTitle} action={<Code block>{text.organizations.command}</Code>}>
          {text.organizations.empty}
        </Empty>
      )}
      {all.length > 0 && (
        <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: "none" }}>
          {all.map((o) => (
            <Paper key={o.id} component="li" withBorder p="sm">
              <Group justify="space-between" gap="xs">
                <Stack gap={0} miw={0} flex="1 1 14rem">
                  <Anchor component={Link} to={paths.overview(o.id)} style={{ overflowWrap: "anywhere" }}>
                    <bdi>{o.displayName || o.id}</bdi>
                  </Anchor>
                  <Text size="xs" c="dimmed">
                    {o.id}
                  </Text>
                </Stack>
                {!o.federated && <Label tone="quiet">{text.organizations.notFederated}</Label>}
              </Group>
            </Paper>
          ))}
        </Stack>
      )}
      {list.hasNextPage && (
        <Button
          variant="default"
          w="fit-content"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {text.more}
        </Button>
      )}
    </Page>
  );
}
