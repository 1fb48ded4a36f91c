import { Checkbox, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Catalogue, Grant } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { FormDialog } from "../../parts/FormDialog";
import { text } from "../../text";
import { missingOf, newDraft } from "../rules/draft";
import { GrantFields } from "../rules/RuleForm";
import { Who } from "./Who";

type User = Schemas["User"];

/** Reads again what a change of a user's access changes. */
export function useAccessChanged(organization: string) {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      ["user", "users", "access", "explanation", "accessChanges", "suspensions"].map((key) =>
        queries.invalidateQueries({ queryKey: [key, organization] }),
      ),
    );
}

interface GrantProps {
  user: User;
  catalogue: Catalogue;
  onClose: () => void;
}

/** The only role that can be kept while its user is inactive. */
const keepable = "organization-admin";

/** Grants a role by hand. */
export function GrantDialog({ user, catalogue, onClose }: GrantProps) {
  const words = text.users;
  const changed = useAccessChanged(user.organizationId);
  const [grant, setGrant] = useState<Grant>({ tenantId: "", roleId: "" });
  const [keep, setKeep] = useState(false);
  const { grants: missing } = missingOf({ ...newDraft(), grants: [grant] }, catalogue.roles);
  const give = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/access:grant", {
        params: { path: { organizationId: user.organizationId } },
        body: { userId: user.id, ...grant, keep: keep && grant.roleId === keepable },
      }),
    );
    await changed();
    onClose();
  };
  return (
    <FormDialog title={words.grant} action={words.grant} incomplete={missing} run={give} onClose={onClose}>
      <Who user={user} />
      <Text>{words.grantText}</Text>
      <GrantFields catalogue={catalogue} grant={grant} onChange={setGrant} />
      {grant.roleId === keepable && (
        <Checkbox
          label={words.keep}
          description={words.keepHelp}
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  );
}

interface RevokeProps {
  user: User;
  held: Schemas["Access"];
  /** The access in words. */
  name: string;
  onClose: () => void;
}

/** Revokes what was granted by hand, or what a detached user holds. */
export function RevokeDialog({ user, held, name, onClose }: RevokeProps) {
  const words = text.users;
  const changed = useAccessChanged(user.organizationId);
  const rules = !user.detached && held.sources.some((source) => source.kind === "SOURCE_KIND_RULE");
  const take = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/access:revoke", {
        params: { path: { organizationId: user.organizationId } },
        body: { userId: user.id, tenantId: held.tenantId, roleId: held.roleId },
      }),
    );
    await changed();
    onClose();
  };
  return (
    <FormDialog title={words.revokeTitle} action={words.revoke} dangerous run={take} onClose={onClose}>
      <Who user={user} />
      <Text>{words.revokeText(name, rules)}</Text>
    </FormDialog>
  );
}
