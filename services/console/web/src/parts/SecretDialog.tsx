import { Alert, Button, Checkbox, Modal, Stack } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { text } from "../text";
import { CopyField } from "./CopyField";
import { Leave } from "./Leave";
import { useReturnFocus } from "./useReturnFocus";

interface Props {
  secret: string;
  /** The Base URL, which the identity provider needs, too. */
  baseUrl: string;
  onClose: () => void;
  children?: ReactNode;
}

/** Shows a new API key, once. It stays open until the reader says that the key is stored. */
export function SecretDialog({ secret, baseUrl, onClose, children }: Props) {
  const words = text.directory.keys;
  useReturnFocus();
  const [stored, setStored] = useState(false);
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
        <CopyField label={text.directory.baseUrl} value={baseUrl} />
        <Alert color="yellow" title={words.shownOnce}>
          {words.shownOnceAction}
        </Alert>
        {children}
        <Checkbox label={words.stored} checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} />
        <Button w="fit-content" disabled={!stored} onClick={onClose}>
          {words.done}
        </Button>
      </Stack>
      <Leave blocked={!stored} />
    </Modal>
  );
}
