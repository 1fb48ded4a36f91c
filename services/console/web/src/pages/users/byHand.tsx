import { Button, Checkbox, Group, Modal, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Catalogue, Grant } from "../../api/catalogue";
import { answer, api, type Schemas } from "../../api/client";
import { Failure } from "../../parts/States";
import { useReturnFocus } from "../../parts/useReturnFocus";
import { text } from "../../text";
import { missingOf, newDraft } from "../rules/draft";
import { GrantFields } from "../rules/RuleForm";

type User = Schemas["User"];

/** Reads again what a change of a user's access changes. */
export function useAccessChanged(user: Pick<User, "organizationId" | "id">) {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      ["user", "access", "explanation", "accessChanges", "suspensions"].map((key) =>
        queries.invalidateQueries({ queryKey: [key, user.organizationId] }),
      ),
    );
}

interface AskProps {
  title: string;
  action: string;
  danger?: boolean;
  disabled?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

/** Asks before a change of access, and says why it failed. */
export function Ask({ title, action, danger = false, disabled = false, onConfirm, onClose, children }: AskProps) {
  useReturnFocus();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ "aria-label": text.close }}>
      <Stack
        component="form"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        {children}
        {error !== undefined && <Failure error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {text.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={disabled} {...(danger && { color: "red.8" })}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
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
  const changed = useAccessChanged(user);
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
  };
  return (
    <Ask title={words.grant} action={words.grant} disabled={missing} onConfirm={give} onClose={onClose}>
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
    </Ask>
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
  const changed = useAccessChanged(user);
  const rules = !user.detached && held.sources.some((source) => source.kind === "SOURCE_KIND_RULE");
  const take = async () => {
    await answer(
      api.POST("/api/v1/organizations/{organizationId}/access:revoke", {
        params: { path: { organizationId: user.organizationId } },
        body: { userId: user.id, tenantId: held.tenantId, roleId: held.roleId },
      }),
    );
    await changed();
  };
  return (
    <Ask title={words.revokeTitle} action={words.revoke} danger onConfirm={take} onClose={onClose}>
      <Text>{words.revokeText(name, rules)}</Text>
    </Ask>
  );
}
