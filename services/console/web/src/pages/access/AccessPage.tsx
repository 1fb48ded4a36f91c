import { Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { Link, useParams, useSearchParams } from "react-router";
import { type Catalogue, useCatalogue } from "../../api/catalogue";
import { sometimes, useLivePages } from "../../api/live";
import { type Rule, useRules } from "../../api/rules";
import { useMay } from "../../api/session";
import { DataTable } from "../../parts/DataTable";
import { CountsNow, Sources } from "../../parts/Held";
import { More } from "../../parts/More";
import { Page } from "../../parts/Page";
import { Person } from "../../parts/Person";
import { Empty, Failure, Loading } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { type Filter, type Kind, readHolders } from "./holders";

/** Who holds which role: one line for each user, role and tenant. */
export function AccessPage() {
  const words = text.access;
  const mayRead = useMay("READ_ACCESS", "GRANT_ACCESS");
  const { organization = "" } = useParams();
  return (
    <Page title={words.title} situation={mayRead ? words.situation : words.mayNot}>
      {mayRead && <Holders organization={organization} />}
    </Page>
  );
}

function Holders({ organization }: { organization: string }) {
  const words = text.access;
  const [search, setSearch] = useSearchParams();
  const catalogue = useCatalogue(organization);
  const mayReadRules = useMay("MANAGE_RULES", "READ_ACCESS");
  const { rules } = useRules(organization, mayReadRules);
  const mayReadPeople = useMay("READ_PEOPLE");
  const source = search.get("source") ?? "";
  const role = search.get("role") ?? "";
  const inTenants = catalogue.roles.find(({ id }) => id === role)?.scope !== "ROLE_SCOPE_ORGANIZATION";
  const filter: Filter = {
    role,
    tenant: inTenants ? (search.get("tenant") ?? "") : "", // a role in the whole organization is in no tenant
    source: source in words.sources ? (source as Kind) : "",
  };
  const change = (to: Partial<Filter>) =>
    setSearch(
      (now) => Object.fromEntries(Object.entries({ ...Object.fromEntries(now), ...to }).filter(([, value]) => value)),
      { replace: true },
    );
  return (
    <>
      <Group gap="sm" align="flex-end">
        <Choice
          label={words.role}
          all={words.allRoles}
          value={filter.role}
          options={catalogue.roles}
          onChange={(to) => change({ role: to })}
        />
        {inTenants && (
          <Choice
            label={words.tenant}
            all={words.allTenants}
            value={filter.tenant}
            options={catalogue.tenants}
            onChange={(to) => change({ tenant: to })}
          />
        )}
        <NativeSelect
          label={words.source}
          value={filter.source}
          maw="20rem"
          data={Object.entries(words.sources)
            .filter(([value]) => value !== "gone" || mayReadRules)
            .map(([value, label]) => ({ value, label }))}
          onChange={(event) => change({ source: event.currentTarget.value as Kind })}
        />
      </Group>
      {!mayReadPeople && <Text>{words.noPeople}</Text>}
      {filter.source && mayReadRules && !rules ? (
        <Loading />
      ) : (
        <List
          key={`${filter.role} ${filter.tenant} ${filter.source}`}
          organization={organization}
          filter={filter}
          rules={rules}
          catalogue={catalogue}
        />
      )}
    </>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  value: string;
  options: { id: string; displayName?: string }[];
  onChange: (id: string) => void;
}

/** Chooses one of a list, or all. The address can name one that is not in the list. */
function Choice({ label, all, value, options, onChange }: ChoiceProps) {
  const data = options.map(({ id, displayName }) => ({ value: id, label: displayName || id }));
  if (value && !options.some(({ id }) => id === value)) {
    data.push({ value, label: value });
  }
  return (
    <NativeSelect
      label={label}
      value={value}
      maw="20rem"
      data={[{ value: "", label: all }, ...data]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

interface ListProps {
  organization: string;
  filter: Filter;
  rules: Rule[] | undefined;
  catalogue: Catalogue;
}

function List({ organization, filter, rules, catalogue }: ListProps) {
  const words = text.access;
  const mayReadRules = useMay("MANAGE_RULES", "READ_ACCESS");
  const ids = rules && new Set(rules.map(({ id }) => id));
  const list = useLivePages(
    ["access", organization, "holders", filter],
    (pageToken) => readHolders(organization, filter, ids, pageToken),
    sometimes,
    (pages) => pages <= 1 && !filter.source, // with a source, one page can be many requests
  );
  if (!list.data) {
    return list.error ? <Failure error={list.error} retry={() => void list.refetch()} /> : <Loading />;
  }
  const rows = list.data.pages.flatMap((page) => page.access.map((access) => ({ access, names: page.names })));
  const looked = list.data.pages.reduce((sum, page) => sum + page.looked, 0);
  if (rows.length === 0 && !list.hasNextPage && !Object.values(filter).some(Boolean)) {
    return (
      <Empty
        title={words.emptyTitle}
        action={
          mayReadRules && (
            <Button component={Link} to={paths.rules(organization)} variant="default">
              {words.goToRules}
            </Button>
          )
        }
      >
        {words.empty}
      </Empty>
    );
  }
  return (
    <>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      <Text role="status" size="sm">
        {rows.length === 0 && (list.hasNextPage ? words.noneYet(looked) : words.none)}
        {rows.length > 0 && filter.source && list.hasNextPage && words.lookedAt(rows.length, looked)}
      </Text>
      {rows.length > 0 && (
        <DataTable
          caption={words.caption}
          columns={words.columns}
          minWidth="52rem"
          rows={rows.map(({ access, names }) => ({
            key: `${access.userId} ${access.tenantId} ${access.roleId}`,
            cells: [
              <Stack key="user" gap={0}>
                <Person organization={organization} id={access.userId} name={names.get(access.userId)?.userName} />
                <Text size="xs" c="dimmed">
                  <bdi>{names.get(access.userId)?.displayName}</bdi>
                </Text>
              </Stack>,
              <bdi key="role">{catalogue.roleName(access.roleId)}</bdi>,
              access.tenantId ? (
                <bdi key="tenant">{catalogue.tenantName(access.tenantId)}</bdi>
              ) : (
                words.wholeOrganization
              ),
              <Sources key="source" access={access} rules={rules} />,
              <CountsNow key="state" access={access} />,
            ],
          }))}
        />
      )}
      <More list={list} />
    </>
  );
}
