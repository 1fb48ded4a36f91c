import { Button, NativeSelect, Paper, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Catalogue } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { newRequestId } from "../../api/requestId";
import { defaultRules } from "../../api/rules";
import { DataTable } from "../../parts/DataTable";
import { Failure } from "../../parts/States";
import { text } from "../../text";

/** Offers the rules that most organizations begin with. It shows none whose role the catalogue of the operator does not have. */
export function DefaultRules({ organization, catalogue }: { organization: string; catalogue: Catalogue }) {
  const words = text.rules;
  const queries = useQueryClient();
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  // The same ids when the reader tries again, so that no rule appears twice.
  const [requestIds] = useState(() => defaultRules.map(newRequestId));
  const tenantId = chosen || (catalogue.tenants[0]?.id ?? "");
  const names = new Map(catalogue.roles.map((role) => [role.id, role.displayName]));
  const offered = defaultRules.filter((rule) => names.has(rule.roleId));
  if (offered.length === 0) {
    return null;
  }
  const add = async () => {
    setBusy(true);
    setError(undefined);
    try {
      for (const [n, rule] of offered.entries()) {
        await answer(
          api.POST("/api/v1/organizations/{organizationId}/rules", {
            params: { path: { organizationId: organization }, query: { requestId: requestIds[n] ?? "" } },
            body: {
              displayName: rule.group,
              group: { displayName: rule.group },
              grants: [{ tenantId, roleId: rule.roleId }],
            },
          }),
        );
      }
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
    await queries.invalidateQueries({ queryKey: ["rules", organization] });
  };
  return (
    <Paper withBorder p="xl">
      <Stack align="flex-start">
        <Title order={2}>{words.defaults}</Title>
        <Text c="dimmed" maw="42rem">
          {words.defaultsText}
        </Text>
        <DataTable
          caption={words.defaultsCaption}
          columns={words.defaultsColumns}
          minWidth="20rem"
          rows={offered.map((rule) => ({ key: rule.group, cells: [rule.group, names.get(rule.roleId)] }))}
        />
        {catalogue.tenants.length === 0 ? (
          <Text>{text.access.noTenant}</Text>
        ) : (
          <>
            <NativeSelect
              label={words.defaultsTenant}
              value={tenantId}
              onChange={(event) => setChosen(event.currentTarget.value)}
              data={catalogue.tenants.map((tenant) => ({ value: tenant.id, label: tenant.displayName || tenant.id }))}
            />
            <Button variant="default" loading={busy} onClick={() => void add()}>
              {words.defaults}
            </Button>
          </>
        )}
        {error !== undefined && <Failure error={error} />}
      </Stack>
    </Paper>
  );
}
