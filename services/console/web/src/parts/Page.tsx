import { Anchor, Box, Breadcrumbs, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "react-router";
import { text } from "../text";

interface Props {
  title: string;
  /** The current situation in one sentence. */
  situation?: ReactNode;
  /** The one next action. */
  action?: ReactNode;
  /** The pages above this one. */
  above?: { title: string; to: string }[];
  children?: ReactNode;
}

/** Whether a page was shown since the browser loaded the app. */
let shown = false;

/** The frame of each page: where it is, what the situation is, and what to do next. */
export function Page({ title, situation, action, above = [], children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - ${text.product}`;
  }, [title]);
  // A screen reader has to notice that the page changed. The browser itself announces the first one.
  useEffect(() => {
    if (shown) {
      heading.current?.focus({ preventScroll: true });
    }
    shown = true;
  }, []);
  return (
    <Stack gap="lg">
      <Box>
        {above.length > 0 && (
          <Breadcrumbs
            mb={4}
            component="nav"
            aria-label={text.breadcrumbs}
            separatorMargin={6}
            styles={{
              root: { flexWrap: "wrap" },
              breadcrumb: { whiteSpace: "normal", overflowWrap: "anywhere", minWidth: 0, lineHeight: 1.4 },
            }}
          >
            {above.map((page) => (
              <Anchor key={page.to} component={Link} to={page.to} size="sm">
                <bdi>{page.title}</bdi>
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <Box flex="1 1 20rem" miw={0}>
            <Title order={1} ref={heading} tabIndex={-1} style={{ overflowWrap: "anywhere", outline: "none" }}>
              <bdi>{title}</bdi>
            </Title>
            {situation && (
              <Text c="dimmed" mt={4} component="div" style={{ overflowWrap: "anywhere" }}>
                {situation}
              </Text>
            )}
          </Box>
          {action}
        </Group>
      </Box>
      {children}
    </Stack>
  );
}
