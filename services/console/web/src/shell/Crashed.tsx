import { Button, Container, Text } from "@mantine/core";
import { Page } from "../parts/Page";
import { text } from "../text";

/** What stands in place of a page that has a fault, or whose file is gone after an update of Usher. */
export function Crashed() {
  return (
    <Container py="xl">
      <Page title={text.crashed.title}>
        <Text>{text.crashed.text}</Text>
        <Button w="fit-content" onClick={() => location.reload()}>
          {text.crashed.action}
        </Button>
      </Page>
    </Container>
  );
}
