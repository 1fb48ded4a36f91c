import { Alert, Button, Checkbox, Modal, Stack } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { text } from "../text";
import { BaseUrl } from "./BaseUrl";
import { CopyField } from "./CopyField";
import { Leave } from "./Leave";
import { useReturnFocus } from "./useReturnFocus";

/** What the dialogue says about a kind of secret. */
export interface SecretWords {
  secretTitle: string;
  secret: string;
  shownOnce: string;
  shownOnceAction: string;
  stored: string;
  done: string;
  leaveTitle: string;
  leave: string;
}

interface Props {
  secret: string;
  /** The words. Without any, those about an API key. */
  words?: SecretWords;
  /** The Base URL, which the identity provider needs, too. */
  baseUrl?: string;
  onClose: () => void;
  children?: ReactNode;
}

const apiKey: SecretWords = { ...text.setUp, ...text.directory.keys };

/** Shows a new secret, once. It stays open until the reader says that the secret is stored. */
export function SecretDialog({ secret, words = apiKey, baseUrl, onClose, children }: Props) {
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
        {baseUrl && <BaseUrl value={baseUrl} />}
        <Alert color="yellow" title={words.shownOnce}>
          {words.shownOnceAction}
        </Alert>
        {children}
        <Checkbox label={words.stored} checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} />
        <Button w="fit-content" disabled={!stored} onClick={onClose}>
          {words.done}
        </Button>
      </Stack>
      <Leave blocked={!stored} words={words} />
    </Modal>
  );
}
