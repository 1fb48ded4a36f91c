import {
  ActionIcon,
  Anchor,
  Box,
  Burger,
  Container,
  Drawer,
  Group,
  Menu,
  NavLink,
  Stack,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDeviceDesktop, IconMoon, IconSun, IconUser } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { Link, Outlet, useLocation, useMatch } from "react-router";
import { LastOrganizationContext } from "../api/organization";
import { readSession, type Session, SessionContext, useSession } from "../api/session";
import { Failure, Loading } from "../parts/States";
import { paths } from "../paths";
import { text } from "../text";
import { OrganizationSwitcher } from "./OrganizationSwitcher";
import classes from "./Shell.module.css";

/** What surrounds each page: who the reader is, which organization this is, and where to go. */
export function Shell() {
  const session = useQuery({ queryKey: ["session"], queryFn: readSession, staleTime: Number.POSITIVE_INFINITY });
  if (session.data) {
    return (
      <SessionContext value={session.data}>
        <Frame />
      </SessionContext>
    );
  }
  return (
    <Container py="xl">
      {session.error ? <Failure error={session.error} retry={() => void session.refetch()} /> : <Loading />}
    </Container>
  );
}

function Frame() {
  const session = useSession();
  const at = useLocation();
  const organization = useOrganization(session);
  const [opened, { open, close }] = useDisclosure();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the address closes the menu
  useEffect(close, [at]);
  const groups = groupsOf(session, organization);
  return (
    <LastOrganizationContext value={organization}>
      <a href="#content" className={classes.skip}>
        {text.skip}
      </a>
      <header className={classes.header}>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="sm">
          <Group gap="sm" wrap="nowrap" miw={0}>
            {groups.length > 0 && (
              <Burger hiddenFrom="sm" size="sm" opened={opened} onClick={open} aria-label={text.nav.open} />
            )}
            <Anchor component={Link} to="/" className={classes.product} underline="never">
              {text.product}
            </Anchor>
            {organization && <OrganizationSwitcher organization={organization} />}
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ThemeMenu />
            <AccountMenu session={session} />
          </Group>
        </Group>
      </header>
      <Drawer
        opened={opened}
        onClose={close}
        title={text.nav.label}
        size="16rem"
        closeButtonProps={{ "aria-label": text.close }}
      >
        <Links groups={groups} at={at.pathname} />
      </Drawer>
      <div className={classes.body}>
        {groups.length > 0 && (
          <Box component="nav" aria-label={text.nav.label} className={classes.nav} visibleFrom="sm">
            <Links groups={groups} at={at.pathname} />
          </Box>
        )}
        <main id="content" className={classes.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </LastOrganizationContext>
  );
}

/**
 * Returns the organization that the page is about, or "". The pages of the operator are about none: there, it is the one that the operator came
 * from, so that the way back is not lost.
 */
function useOrganization({ organizationId }: Session): string {
  const { pathname } = useLocation();
  const matched = useMatch("/organizations/:organization/*")?.params.organization ?? organizationId;
  const [last, setLast] = useState("");
  const next = matched || (pathname === paths.organizations ? "" : last);
  useEffect(() => setLast(next), [next]);
  return next;
}

interface PageLink {
  title: string;
  to: string;
  /** What the addresses of the pages below it begin with, if not with its own; null if there are none. */
  under?: string | null;
}

interface PageGroup {
  title: string;
  pages: PageLink[];
}

/** Returns the pages that the session may open: those of an organization, and those of the operator. */
function groupsOf(session: Session, organization: string): PageGroup[] {
  const groups: PageGroup[] = [];
  if (organization) {
    groups.push({ title: text.nav.ofOrganization, pages: pagesOf(session, organization) });
  }
  if (!session.organizationId) {
    groups.push({
      title: text.nav.ofOperator,
      pages: [
        { title: text.nav.organizations, to: paths.organizations, under: null },
        { title: text.nav.roles, to: paths.roles },
        { title: text.nav.signIns, to: paths.signIns },
      ],
    });
  }
  return groups.filter(({ pages }) => pages.length > 0);
}

/** Returns the pages of an organization that the session may open. */
function pagesOf({ oneDirectory, directoryId, scopes }: Session, organization: string): PageLink[] {
  const failedEvents = scopes.has("READ_EVENTS")
    ? [{ title: text.nav.failedEvents, to: paths.failedEvents(organization) }]
    : [];
  if (oneDirectory) {
    const directory = { title: text.nav.directory, to: paths.directory(organization, directoryId) };
    return [...(directoryId ? [directory] : []), ...failedEvents];
  }
  const pages: PageLink[] = [
    { title: text.nav.overview, to: paths.overview(organization), under: paths.directory(organization, "") },
    ...failedEvents,
  ];
  if (scopes.has("READ_ACCESS") || scopes.has("GRANT_ACCESS")) {
    pages.push({ title: text.nav.access, to: paths.access(organization) });
  }
  if (scopes.has("READ_ACCESS") || scopes.has("MANAGE_RULES")) {
    pages.push({ title: text.nav.rules, to: paths.rules(organization) });
    pages.push({ title: text.nav.syncs, to: paths.syncs(organization) });
  }
  if (scopes.has("READ_PEOPLE")) {
    pages.push({ title: text.nav.users, to: paths.users(organization) });
    pages.push({ title: text.nav.groups, to: paths.groups(organization) });
  }
  pages.push({ title: text.nav.settings, to: paths.settings(organization) });
  return pages;
}

/** Says whether an address is that of a page, or of one below it. */
function placeOf({ to, under = `${to}/` }: PageLink, at: string): "page" | "true" | undefined {
  return at === to ? "page" : under !== null && at.startsWith(under) ? "true" : undefined;
}

function Links({ groups, at }: { groups: PageGroup[]; at: string }) {
  const id = useId();
  return (
    <Stack gap="lg">
      {groups.map(({ title, pages }, n) => (
        <Stack key={title} gap={2} {...(groups.length > 1 && { role: "group", "aria-labelledby": `${id}-${n}` })}>
          {groups.length > 1 && (
            <Text id={`${id}-${n}`} size="xs" c="dimmed" fw={600} px="sm">
              {title}
            </Text>
          )}
          {pages.map((page) => {
            const here = placeOf(page, at);
            return (
              <NavLink
                key={page.to}
                component={Link}
                to={page.to}
                label={page.title}
                active={here !== undefined}
                {...(here && { "aria-current": here })}
              />
            );
          })}
        </Stack>
      ))}
    </Stack>
  );
}

function ThemeMenu() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const themes = { light: <IconSun size={18} />, dark: <IconMoon size={18} />, auto: <IconDeviceDesktop size={18} /> };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={text.nav.theme}>
          {themes[colorScheme]}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(["light", "dark", "auto"] as const).map((scheme) => (
          <Menu.Item key={scheme} leftSection={themes[scheme]} onClick={() => setColorScheme(scheme)}>
            {text.nav[scheme]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountMenu({ session }: { session: Session }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={text.nav.account}>
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown maw="20rem">
        <Menu.Label>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {session.portalLink ? text.portal : <bdi>{session.subject}</bdi>}
          </Text>
          <Text size="xs">{text.kinds[session.kind]}</Text>
        </Menu.Label>
        <form method="post" action="/sign-out">
          <input type="hidden" name="csrf_token" value={session.csrfToken} />
          <Menu.Item component="button" type="submit" closeMenuOnClick={false}>
            {text.nav.signOut}
          </Menu.Item>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}
