import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { Page } from "../parts/Page";
import { text } from "../text";

export function NotFound() {
  return (
    <Page title={text.notFound.title}>
      <Anchor component={Link} to="/">
        {text.notFound.action}
      </Anchor>
    </Page>
  );
}
