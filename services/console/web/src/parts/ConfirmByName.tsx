import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { text } from "../text";
import { Failure } from "./States";

interface Props {
  opened: boolean;
  title: string;
  /** What the reader types to confirm. */
  name: string;
  action: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
  /** What happens. */
  children: ReactNode;
}

/** Asks for the name of what ends, so that nobody ends the wrong thing. */
export function ConfirmByName({ opened, title, name, action, onConfirm, onClose, children }: Props) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => {
    setTyped("");
    setError(undefined);
    onClose();
  };
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={title} size="lg" closeButtonProps={{ "aria-label": text.close }}>
      <Stack
        component="form"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        {children}
        <TextInput
          label={text.confirm.label}
          description={
            <Text span size="sm" c="var(--mantine-color-text)" style={{ overflowWrap: "anywhere" }}>
              <bdi>{name}</bdi>
            </Text>
          }
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
        />
        {error !== undefined && <Failure error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {text.cancel}
          </Button>
          <Button type="submit" color="red.8" loading={busy} disabled={typed.trim() !== name.trim()}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
