import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { answer, api, type Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { readUserNames } from "../../api/people";
import { type Rule, useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { Label, type Tone } from "../../parts/Label";
import { More } from "../../parts/More";
import { Person } from "../../parts/Person";
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

function SourceOf({ source, rules }: { source: Schemas["Source"]; rules: Rule[] | undefined }) {
  const words = text.settings.admins;
  const rule = rules?.find(({ id }) => id === source.ruleId);
  const more = [...(source.keep ? [words.keep] : []), ...(source.retained ? [words.retained] : [])];
  return (
    <Text size="sm" component="div">
      {source.kind === "SOURCE_KIND_MANUAL" ? (
        words.manual(nameOfPrincipal(source.grantedBy))
      ) : rule ? (
        <Anchor component={Link} to={paths.rule(rule.organizationId, rule.id)} inherit>
          {words.rule(rule.displayName ?? rule.id)}
        </Anchor>
      ) : (
        words.aRule
      )}
      {more.map((one) => `, ${one}`)}
      <Text size="xs" c="dimmed">
        {words.since} <Time value={source.createTime} as="day" />
      </Text>
    </Text>
  );
}
