import { Alert, Button, Checkbox, Modal, Stack } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { text } from "../text";
import { CopyField } from "./CopyField";
import { useReturnFocus } from "./useReturnFocus";

interface Props {
  secret: string;
  onClose: () => void;
  children?: ReactNode;
}

/** Shows a new API key, once. It stays open until the reader says that the key is stored. */
export function SecretDialog({ secret, onClose, children }: Props) {
  const words = text.directory.keys;
  useReturnFocus();
  const [stored, setStored] = useState(false);
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, []);
  return (
    <Modal
      opened
      onClose={() => {}}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={words.secretTitle}
      size="lg"
    >
      <Stack>
        <CopyField label={words.secret} value={secret} />
        <Alert color="yellow" title={words.shownOnce}>
          {words.shownOnceAction}
        </Alert>
        {children}
        <Checkbox label={words.stored} checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} />
        <Button w="fit-content" disabled={!stored} onClick={onClose}>
          {words.done}
        </Button>
      </Stack>
    </Modal>
  );
}
