import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { useMay } from "../../api/session";
import { paths } from "../../paths";
import { text } from "../../text";

interface Props {
  organization: string;
  id: string;
  name: string;
}

/** The name of a rule, with a link for those who may open it. A deleted rule has no name. */
export function RuleName({ organization, id, name }: Props) {
  const mayOpen = useMay("READ_ACCESS", "MANAGE_RULES");
  if (!name) {
    return text.users.reason.deleted;
  }
  return mayOpen ? (
    <Anchor component={Link} to={paths.rule(organization, id)} inherit underline="always">
      <bdi>{name}</bdi>
    </Anchor>
  ) : (
    <bdi>{name}</bdi>
  );
}
