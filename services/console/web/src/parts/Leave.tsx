import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useBlocker } from "react-router";
import { text } from "../text";

interface Props {
  blocked: boolean;
  /** What the reader would lose. Without it, an API key. */
  words?: { leaveTitle: string; leave: string };
}

/** Asks before the reader leaves the only place where a secret is shown: to another page, by the button Back, or by a reload. */
export function Leave({ blocked, words = text.setUp }: Props) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      blocked &&
      (currentLocation.pathname !== nextLocation.pathname ||
        tabOf(currentLocation.search) !== tabOf(nextLocation.search)),
  );
  useEffect(() => {
    if (!blocked) {
      return undefined;
    }
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [blocked]);
  const stay = () => blocker.reset?.();
  return (
    <Modal
      opened={blocker.state === "blocked"}
      onClose={stay}
      title={words.leaveTitle}
      closeButtonProps={{ "aria-label": text.close }}
    >
      <Stack>
        <Text>{words.leave}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => blocker.proceed?.()}>
            {text.setUp.leaveAction}
          </Button>
          <Button onClick={stay} data-autofocus>
            {text.setUp.stay}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** The rest of the search of an address is a choice within the page, such as that of a guide. */
function tabOf(search: string): string | null {
  return new URLSearchParams(search).get("tab");
}
