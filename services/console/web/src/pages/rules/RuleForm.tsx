import {
  Autocomplete,
  Button,
  Group,
  NativeSelect,
  Paper,
  Radio,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Catalogue, Grant } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { text } from "../../text";
import { type Draft, missingOf } from "./draft";
import type { Kind } from "./match";
import { Preview } from "./Preview";

interface Props {
  organization: string;
  catalogue: Catalogue;
  draft: Draft;
  onChange: (draft: Draft) => void;
  readOnly: boolean;
  /** Whether the reader has tried to save: then the form says what is missing. */
  tried: boolean;
  /** Whether the rule exists already. */
  stored: boolean;
  /** Whether the rule exists, and the form has edits that are not saved. */
  edited?: boolean;
}

/** The fields of a rule, with those that it would match now. */
export function RuleForm({ organization, catalogue, draft, onChange, readOnly, tried, stored, edited = false }: Props) {
  const words = text.rules;
  const set = (to: Partial<Draft>) => onChange({ ...draft, ...to });
  const missing = missingOf(draft, catalogue.roles);
  return (
    <Stack gap="xl">
      <TextInput
        label={words.name}
        description={stored ? undefined : words.nameHelp}
        value={draft.displayName}
        maxLength={200}
        readOnly={readOnly}
        maw="40rem"
        autoComplete="off"
        error={tried && stored && draft.displayName.trim() === "" && words.nameMissing}
        onChange={(event) => set({ displayName: event.currentTarget.value })}
      />
      <Stack component="section" aria-label={words.who} maw="40rem">
        <Title order={2}>{words.who}</Title>
        <Radio.Group aria-label={words.who} value={draft.kind} onChange={(kind) => set({ kind: kind as Kind })}>
          <Stack gap="xs" mt="xs">
            {(Object.keys(words.kinds) as Kind[]).map((kind) => (
              <Radio
                key={kind}
                value={kind}
                label={words.kinds[kind]}
                description={words.kindHelp[kind]}
                disabled={readOnly && draft.kind !== kind}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Match
          organization={organization}
          draft={draft}
          set={set}
          readOnly={readOnly}
          error={tried && missing.match && words.missing}
        />
        {!readOnly && (
          <Preview
            organization={organization}
            draft={draft}
            stored={stored && !edited}
            onGroup={(group) => set({ group })}
          />
        )}
      </Stack>
      <Grants
        catalogue={catalogue}
        grants={draft.grants}
        readOnly={readOnly}
        onChange={(grants) => set({ grants })}
        error={tried && (missing.grants ? words.grantMissing : missing.twice && words.grantTwice)}
      />
    </Stack>
  );
}

interface MatchProps {
  organization: string;
  draft: Draft;
  set: (to: Partial<Draft>) => void;
  readOnly: boolean;
  error: string | false;
}

function Match({ organization, draft, set, readOnly, error }: MatchProps) {
  const words = text.rules;
  switch (draft.kind) {
    case "group":
      return (
        <Suggested
          label={words.group}
          description={words.groupHelp}
          value={draft.group}
          readOnly={readOnly}
          error={error}
          queryKey={["groupSuggestions", organization]}
          suggest={(query, signal) => suggestGroups(organization, query, signal)}
          onChange={(group) => set({ group })}
        />
      );
    case "roleValue":
      return (
        <Suggested
          label={words.roleValue}
          description={words.roleValueHelp}
          value={draft.roleValue}
          readOnly={readOnly}
          error={error}
          queryKey={["roleValueSuggestions", organization]}
          suggest={(query, signal) => suggestRoleValues(organization, query, signal)}
          onChange={(roleValue) => set({ roleValue })}
        />
      );
    default:
      return (
        <Textarea
          label={words.filter}
          description={words.filterHelp}
          value={draft.filter}
          maxLength={1000}
          readOnly={readOnly}
          error={error}
          autosize
          minRows={2}
          spellCheck={false}
          autoComplete="off"
          dir="ltr"
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          onChange={(event) => set({ filter: event.currentTarget.value.replaceAll("\n", " ") })}
        />
      );
  }
}

/** How many suggestions appear. */
const suggested = 20;

async function suggestGroups(organizationId: string, query: string, signal: AbortSignal): Promise<string[]> {
  const { groups } = await answer(
    api.GET("/api/v1/organizations/{organizationId}/groups:search", {
      params: { path: { organizationId }, query: { query, pageSize: suggested } },
      signal,
    }),
  );
  return groups.map((group) => group.displayName);
}

async function suggestRoleValues(organizationId: string, query: string, signal: AbortSignal): Promise<string[]> {
  const { values } = await answer(
    api.GET("/api/v1/organizations/{organizationId}/roleValues", {
      params: { path: { organizationId }, query: { query, pageSize: suggested } },
      signal,
    }),
  );
  return values.map((value) => value.value);
}

interface SuggestedProps {
  label: string;
  description: string;
  value: string;
  readOnly: boolean;
  error: string | false;
  queryKey: string[];
  suggest: (query: string, signal: AbortSignal) => Promise<string[]>;
  onChange: (value: string) => void;
}

/** A field that lists what begins with its text. Any other text is fine, too. */
function Suggested({ label, description, value, readOnly, error, queryKey, suggest, onChange }: SuggestedProps) {
  const [query] = useDebouncedValue(value.trim().slice(0, 200), 250);
  const { data } = useQuery({
    queryKey: [...queryKey, query],
    queryFn: ({ signal }) => suggest(query, signal),
    enabled: !readOnly,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  return (
    <Autocomplete
      label={label}
      description={description}
      value={value}
      data={[...new Set(data)]}
      filter={({ options }) => options} // the API has filtered them
      limit={suggested}
      maxLength={1000}
      readOnly={readOnly}
      error={error}
      autoComplete="off"
      spellCheck={false}
      onChange={onChange}
    />
  );
}

interface GrantsProps {
  catalogue: Catalogue;
  grants: Grant[];
  readOnly: boolean;
  onChange: (grants: Grant[]) => void;
  error: string | false;
}

/** The most grants of a rule. */
const mostGrants = 100;

function Grants({ catalogue, grants, readOnly, onChange, error }: GrantsProps) {
  const words = text.rules;
  const replace = (at: number, grant: Grant) => onChange(grants.map((other, i) => (i === at ? grant : other)));
  return (
    <Stack component="section" aria-label={words.gives} gap="sm" maw="40rem">
      <Title order={2}>{words.gives}</Title>
      {readOnly
        ? grants.map((grant) => <Text key={`${grant.tenantId} ${grant.roleId}`}>{catalogue.inWords(grant)}</Text>)
        : grants.map((grant, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a grant that is edited has no other name
            <Paper key={at} withBorder p="sm">
              <GrantFields
                catalogue={catalogue}
                grant={grant}
                onChange={(to) => replace(at, to)}
                onRemove={grants.length > 1 ? () => onChange(grants.filter((_, i) => i !== at)) : undefined}
              />
            </Paper>
          ))}
      {error && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {error}
        </Text>
      )}
      {!readOnly && grants.length < mostGrants && (
        <Button
          variant="default"
          size="xs"
          w="fit-content"
          onClick={() => onChange([...grants, { tenantId: "", roleId: "" }])}
        >
          {words.addGrant}
        </Button>
      )}
    </Stack>
  );
}

interface GrantFieldsProps {
  catalogue: Catalogue;
  grant: Grant;
  onChange: (grant: Grant) => void;
  onRemove?: (() => void) | undefined;
}

/** A role, and the tenant in which it is held if it is a role in tenants. */
export function GrantFields({ catalogue, grant, onChange, onRemove }: GrantFieldsProps) {
  const words = text.access;
  const inTenant = (id: string) => catalogue.roles.find((role) => role.id === id)?.scope !== "ROLE_SCOPE_ORGANIZATION";
  const choose = (roleId: string) => {
    const only = catalogue.tenants.length === 1 ? (catalogue.tenants[0]?.id ?? "") : "";
    onChange({ roleId, tenantId: inTenant(roleId) ? grant.tenantId || only : "" });
  };
  return (
    <Group gap="sm" align="flex-end">
      <NativeSelect
        label={words.role}
        value={grant.roleId}
        flex="1 1 10rem"
        data={[
          { value: "", label: words.chooseRole },
          ...catalogue.roles.map((role) => ({ value: role.id, label: role.displayName || role.id })),
        ]}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      {(!grant.roleId || inTenant(grant.roleId)) && (
        <NativeSelect
          label={words.tenant}
          value={grant.tenantId}
          flex="1 1 10rem"
          data={[
            { value: "", label: words.chooseTenant },
            ...catalogue.tenants.map((tenant) => ({ value: tenant.id, label: tenant.displayName || tenant.id })),
          ]}
          onChange={(event) => onChange({ ...grant, tenantId: event.currentTarget.value })}
        />
      )}
      {onRemove && (
        <Button
          variant="subtle"
          color="gray"
          onClick={onRemove}
          aria-label={text.rules.removeGrant(catalogue.inWords(grant))}
        >
          {text.remove}
        </Button>
      )}
    </Group>
  );
}
