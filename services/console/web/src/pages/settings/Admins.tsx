import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { walk } from "../../api/pages";
import { readUserNames } from "../../api/people";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label, type Tone } from "../../parts/Label";
import { More } from "../../parts/More";
import { Sessions } from "../../parts/Sessions";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { paths } from "../../paths";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";

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
  const mayReadPeople = useMay("READ_PEOPLE");
  const mayReadRules = useMay("MANAGE_RULES", "READ_ACCESS");
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
      const byRule = page.access.some(({ sources }) => sources.some(({ ruleId }) => ruleId));
      const [names, rules] = await Promise.all([
        mayReadPeople ? readUserNames(organization, ids) : new Map<string, string>(),
        mayReadRules && byRule ? namesOfRules(organization) : new Map<string, string>(),
      ]);
      return { ...page, names, rules };
    },
    sometimes,
    (pages) => pages <= 1,
  );
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading lines={2} />;
  }
  const rows = list.data.pages.flatMap((page) =>
    page.access.map((access) => ({ access, names: page.names, rules: page.rules })),
  );
  return (
    <>
      <Text>{rows.length === 0 ? words.none : words.some}</Text>
      {rows.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          rows={rows.map(({ access, names, rules }) => ({
            key: access.userId,
            cells: [
              <Anchor key="user" component={Link} to={paths.user(organization, access.userId)}>
                <bdi>{names.get(access.userId) ?? access.userId}</bdi>
              </Anchor>,
              <Label key="state" tone={stateOf(access)[0]}>
                {stateOf(access)[1]}
              </Label>,
              <Stack key="sources" gap={4}>
                {access.sources.map((source) => (
                  <SourceOf key={source.ruleId || source.grantedBy} source={source} rules={rules} />
                ))}
              </Stack>,
            ],
          }))}
        />
      )}
      <More list={list} />
    </>
  );
}

/** Reads the names of all rules, by id. */
async function namesOfRules(organizationId: string): Promise<Map<string, string>> {
  const { pages } = await walk((pageToken) =>
    answer(
      api.GET("/api/v1/organizations/{organizationId}/rules", {
        params: { path: { organizationId }, query: { pageSize: 1000, pageToken } },
      }),
    ),
  );
  return new Map(pages.flatMap((page) => page.rules.map((rule) => [rule.id, rule.displayName ?? ""])));
}

function stateOf(access: Schemas["Access"]): [Tone, string] {
  const words = text.settings.admins;
  if (access.suspended) {
    return ["bad", words.suspended];
  }
  if (access.kept) {
    return ["warn", words.kept];
  }
  if (access.unknown) {
    return ["warn", words.unknown];
  }
  return access.effective ? ["good", words.counts] : ["quiet", words.countsNot];
}

function SourceOf({ source, rules }: { source: Schemas["Source"]; rules: Map<string, string> }) {
  const words = text.settings.admins;
  const name = rules.get(source.ruleId);
  const what =
    source.kind === "SOURCE_KIND_MANUAL"
      ? words.manual(nameOfPrincipal(source.grantedBy))
      : name
        ? words.rule(name)
        : words.aRule;
  const more = [...(source.keep ? [words.keep] : []), ...(source.retained ? [words.retained] : [])];
  return (
    <Text size="sm" component="div">
      {[what, ...more].join(", ")}
      <Text size="xs" c="dimmed">
        {words.since} <Time value={source.createTime} as="day" />
      </Text>
    </Text>
  );
}
