import { Button } from "@mantine/core";
import { text } from "../text";

interface Props {
  list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

/** Reads the next page of a list, if there is one. */
export function More({ list }: Props) {
  return list.hasNextPage ? (
    <Button
      variant="default"
      w="fit-content"
      loading={list.isFetchingNextPage}
      onClick={() => void list.fetchNextPage()}
    >
      {text.more}
    </Button>
  ) : null;
}
