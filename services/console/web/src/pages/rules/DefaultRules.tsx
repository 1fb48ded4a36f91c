import { Button, NativeSelect, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Catalogue } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { newRequestId } from "../../api/requestId";
import { defaultRules, missingDefaults, type Rule, useRulesChanged } from "../../api/rules";
import { DataTable } from "../../parts/DataTable";
import { Failure } from "../../parts/States";
import { text } from "../../text";

interface Props {
  organization: string;
  /** The rules that the organization has. */
  rules: Rule[];
  catalogue: Catalogue;
}

/**
 * Offers the rules that most organizations begin with, as long as one of them is missing. It shows none whose role the catalogue of the
 * operator does not have.
 */
export function DefaultRules({ organization, rules, catalogue }: Props) {
  const words = text.rules;
  const changed = useRulesChanged(organization);
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  // The same ids when the reader tries again, so that no rule appears twice.
  const [requestIds] = useState(() => new Map(defaultRules.map(({ group }) => [group, newRequestId()])));
  const tenant = chosen || (catalogue.tenants[0]?.id ?? "");
  const roles = new Map(catalogue.roles.map((role) => [role.id, role]));
  const offered = missingDefaults(rules).filter((rule) => roles.has(rule.roleId));
  const inTenant = (roleId: string) => roles.get(roleId)?.scope !== "ROLE_SCOPE_ORGANIZATION";
  const needsTenant = offered.some((rule) => inTenant(rule.roleId));
  if (offered.length === 0) {
    return null;
  }
  const title =
    rules.length > 0
      ? words.defaultsMissing
      : offered.length === defaultRules.length
        ? words.defaults
        : words.someDefaults;
  const add = async () => {
    setBusy(true);
    setError(undefined);
    try {
      for (const { group, roleId } of offered) {
        await answer(
          api.POST("/api/v1/organizations/{organizationId}/rules", {
            params: { path: { organizationId: organization }, query: { requestId: requestIds.get(group) ?? "" } },
            body: {
              displayName: group,
              group: { displayName: group },
              grants: [{ tenantId: inTenant(roleId) ? tenant : "", roleId }],
            },
          }),
        );
      }
    } catch (failure) {
      setError(failure);
    }
    await changed();
    setBusy(false);
  };
  return (
    <Paper withBorder p="xl">
      <Stack align="flex-start">
        <Title order={2}>{title}</Title>
        <Text c="dimmed" maw="42rem">
          {words.defaultsText}
        </Text>
        <DataTable
          caption={words.defaultsCaption}
          columns={words.defaultsColumns}
          minWidth="20rem"
          rows={offered.map((rule) => ({
            key: rule.group,
            cells: [rule.group, <bdi key="role">{roles.get(rule.roleId)?.displayName || rule.roleId}</bdi>],
          }))}
        />
        {needsTenant && catalogue.tenants.length === 0 ? (
          <Text>{text.access.noTenant}</Text>
        ) : (
          <>
            {needsTenant && (
              <NativeSelect
                label={words.defaultsTenant}
                value={tenant}
                onChange={(event) => setChosen(event.currentTarget.value)}
                data={catalogue.tenants.map(({ id, displayName }) => ({ value: id, label: displayName || id }))}
              />
            )}
            <Button variant="default" loading={busy} onClick={() => void add()}>
              {title}
            </Button>
          </>
        )}
        {error !== undefined && <Failure error={error} />}
      </Stack>
    </Paper>
  );
}
