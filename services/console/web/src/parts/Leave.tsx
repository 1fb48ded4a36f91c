import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useBlocker } from "react-router";
import { text } from "../text";

/** Asks before the reader leaves the only place where an API key is shown: to another page, by the button Back, or by a reload. */
export function Leave({ blocked }: { blocked: boolean }) {
  const words = text.setUp;
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
            {words.leaveAction}
          </Button>
          <Button onClick={stay} data-autofocus>
            {words.stay}
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
