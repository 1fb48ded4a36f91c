import { Stack, Text, Title } from "@mantine/core";
import { answer, api } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { readUserNames } from "../../api/people";
import { useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { CountsNow, Sources } from "../../parts/Held";
import { More } from "../../parts/More";
import { Person } from "../../parts/Person";
import { Sessions } from "../../parts/Sessions";
import { Failure, Loading } from "../../parts/States";
import { text } from "../../text";

/** Who administers the organization, and who is signed in. */
export function Admins({ organization }: { organization: string }) {
  const words = text.settings;
  const mayEnd = useMay("GRANT_ACCESS");
  const path = { organizationId: organization };
  return (
    <Stack gap="xl">
      <Stack gap="sm">
        <Title order={2}>{words.admins.title}</Title>
        <List organization={organization} />
      </Stack>
      {mayEnd && (
        <Stack gap="sm">
          <Title order={2}>{words.sessions.title}</Title>
          <Sessions
            queryKey={["sessions", organization]}
            read={(pageToken) =>
              answer(
                api.GET("/api/v1/organizations/{organizationId}/sessions", {
                  params: { path, query: { pageSize: 200, pageToken } },
                }),
              )
            }
            end={({ id }) =>
              answer(
                api.POST("/api/v1/organizations/{organizationId}/sessions/{id}:revoke", {
                  params: { path: { ...path, id } },
                }),
              )
            }
          />
        </Stack>
      )}
    </Stack>
  );
}

function List({ organization }: { organization: string }) {
  const words = text.settings.admins;
  const list = useLivePages(
    ["access", organization, "organization-admin"],
    async (pageToken) => {
      const page = await answer(
        api.GET("/api/v1/organizations/{organizationId}/access", {
          params: {
            path: { organizationId: organization },
            query: { roleId: "organization-admin", pageSize: 100, pageToken },
          },
        }),
      );
      const ids = page.access.map((access) => access.userId);
      return { ...page, names: await readUserNames(organization, ids) };
    },
    sometimes,
    (pages) => pages <= 1,
  );
  const byRule = list.data?.pages.some((page) => page.access.some((one) => one.sources.some(({ ruleId }) => ruleId)));
  const mayReadRules = useMay("MANAGE_RULES", "READ_ACCESS");
  const { rules } = useRules(organization, mayReadRules && byRule);
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const rows = list.data.pages.flatMap((page) => page.access.map((access) => ({ access, names: page.names })));
  return (
    <>
      <Text>{rows.length === 0 ? words.none : words.some}</Text>
      {rows.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          rows={rows.map(({ access, names }) => ({
            key: access.userId,
            cells: [
              <Person key="user" organization={organization} id={access.userId} name={names.get(access.userId)} />,
              <CountsNow key="state" access={access} />,
              <Sources key="sources" access={access} rules={rules} />,
            ],
          }))}
        />
      )}
      <More list={list} />
    </>
  );
}
