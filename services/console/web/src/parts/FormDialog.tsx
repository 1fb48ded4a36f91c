import { Button, Group, Modal, Stack } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { text } from "../text";
import { Failure } from "./States";
import { useReturnFocus } from "./useReturnFocus";

interface Props {
  title: string;
  action: string;
  dangerous?: boolean;
  /** Whether the form cannot be sent yet. */
  incomplete?: boolean;
  run: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

/**
 * A dialogue that makes one request. It is not a mutation, because a cache would keep the secret of the answer. Whoever shows it closes it
 * when `run` succeeds.
 */
export function FormDialog({ title, action, dangerous = false, incomplete = false, run, onClose, children }: Props) {
  useReturnFocus();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await run();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ "aria-label": text.close }}>
      <Stack component="form" onSubmit={submit}>
        {children}
        {error !== undefined && <Failure error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {text.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={incomplete} {...(dangerous && { color: "red.8" })}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
