import { Stack, Text } from "@mantine/core";
import type { Catalogue } from "../../api/catalogue";
import type { Rule } from "../../api/rules";
import { firstOf } from "./match";

/** What a rule gives, as a list shows it: a rule can have a hundred grants. */
export function Grants({ rule, catalogue }: { rule: Rule; catalogue: Catalogue }) {
  const { shown, more } = firstOf(rule.grants, 3);
  return (
    <Stack gap={2}>
      {shown.map((grant) => (
        <Text key={`${grant.tenantId} ${grant.roleId}`} size="sm">
          {catalogue.inWords(grant)}
        </Text>
      ))}
      {more && (
        <Text size="xs" c="dimmed">
          {more}
        </Text>
      )}
    </Stack>
  );
}
