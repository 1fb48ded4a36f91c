import { Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { sometimes, useLivePages } from "../../api/live";
import { useUsers } from "../../api/people";
import { readSuspensions } from "../../api/suspensions";
import { DataTable } from "../../parts/DataTable";
import { More } from "../../parts/More";
import { Person } from "../../parts/Person";
import { Failure, Loading } from "../../parts/States";
import { Time } from "../../parts/Time";
import { text } from "../../text";
import { nameOfPrincipal } from "../../text/shell";

/** The users whose access somebody has suspended, and has not resumed. Such a user need not exist. */
export function Suspended({ organization }: { organization: string }) {
  const words = text.users;
  const list = useLivePages(
    ["suspensions", organization, "list"],
    (pageToken) => readSuspensions(organization, 50, pageToken),
    sometimes,
    (pages) => pages <= 1,
  );
  const all = list.data?.pages.flatMap((page) => page.suspensions) ?? [];
  const users = useUsers(
    organization,
    all.map((suspension) => suspension.userId),
  );
  return (
    <>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && !list.error && <Loading />}
      {list.data && all.length === 0 && <Text role="status">{words.noneSuspended}</Text>}
      {all.length > 0 && (
        <DataTable
          caption={words.suspendedCaption}
          columns={words.suspendedColumns}
          minWidth="44rem"
          rows={all.map((suspension) => ({
            key: suspension.userId,
            cells: [
              <Person
                key="name"
                organization={organization}
                id={suspension.userId}
                name={users.get(suspension.userId)?.userName}
              />,
              <bdi key="displayName">{users.get(suspension.userId)?.displayName}</bdi>,
              <bdi key="reason">{suspension.reason}</bdi>,
              <bdi key="by">{nameOfPrincipal(suspension.suspendedBy)}</bdi>,
              <Time key="since" value={suspension.createTime} />,
            ],
          }))}
        />
      )}
      <More list={list} />
    </>
  );
}

/** Who suspended the access of a user, when and why. */
export function SuspendedBy({ suspension }: { suspension: Schemas["Suspension"] }) {
  return (
    <>
      {text.users.suspendedBy(nameOfPrincipal(suspension.suspendedBy))} <Time value={suspension.createTime} as="ago" />
      {suspension.reason && ": "}
      <bdi>{suspension.reason}</bdi>
    </>
  );
}
