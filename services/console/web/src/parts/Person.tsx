import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { paths } from "../paths";

interface Props {
  organization: string;
  id: string;
  /** The userName, if it is known and the reader may read it. */
  name?: string | undefined;
}

/** A user, with a link to the user's page. */
export function Person({ organization, id, name }: Props) {
  return (
    <Anchor component={Link} to={paths.user(organization, id)} inherit style={{ overflowWrap: "anywhere" }}>
      <bdi>{name || id}</bdi>
    </Anchor>
  );
}
