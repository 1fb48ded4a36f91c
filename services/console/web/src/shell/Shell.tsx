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
import { useEffect } from "react";
import { Link, Outlet, useLocation, useMatch } from "react-router";
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
  const organization = useMatch("/organizations/:organization/*")?.params.organization ?? session.organizationId;
  const [opened, { open, close }] = useDisclosure();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the address closes the menu
  useEffect(close, [at]);
  const pages = pagesOf(session, organization);
  return (
    <>
      <a href="#content" className={classes.skip}>
        {text.skip}
      </a>
      <header className={classes.header}>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="sm">
          <Group gap="sm" wrap="nowrap" miw={0}>
            {pages.length > 0 && (
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
        <Links pages={pages} at={at.pathname} />
      </Drawer>
      <div className={classes.body}>
        {pages.length > 0 && (
          <Box component="nav" aria-label={text.nav.label} className={classes.nav} visibleFrom="sm">
            <Links pages={pages} at={at.pathname} />
          </Box>
        )}
        <main id="content" className={classes.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </>
  );
}

interface PageLink {
  title: string;
  to: string;
}

/** Returns the pages that the session may open. */
function pagesOf(session: Session, organization: string): PageLink[] {
  const pages: PageLink[] = [];
  if (!session.organizationId) {
    pages.push({ title: text.nav.organizations, to: paths.organizations });
    pages.push({ title: text.nav.roles, to: paths.roles });
    pages.push({ title: text.nav.signIns, to: paths.signIns });
  }
  if (!organization) {
    return pages;
  }
  if (!session.oneDirectory) {
    pages.push({ title: text.nav.overview, to: paths.overview(organization) });
  } else if (session.directoryId) {
    pages.push({ title: text.nav.directory, to: paths.directory(organization, session.directoryId) });
  }
  if (session.scopes.has("READ_EVENTS")) {
    pages.push({ title: text.nav.failedEvents, to: paths.failedEvents(organization) });
  }
  if (!session.oneDirectory && (session.scopes.has("READ_ACCESS") || session.scopes.has("MANAGE_RULES"))) {
    pages.push({ title: text.nav.rules, to: paths.rules(organization) });
    pages.push({ title: text.nav.syncs, to: paths.syncs(organization) });
  }
  if (!session.oneDirectory && session.scopes.has("READ_PEOPLE")) {
    pages.push({ title: text.nav.users, to: paths.users(organization) });
    pages.push({ title: text.nav.groups, to: paths.groups(organization) });
  }
  if (!session.oneDirectory) {
    pages.push({ title: text.nav.settings, to: paths.settings(organization) });
  }
  return pages;
}

function Links({ pages, at }: { pages: PageLink[]; at: string }) {
  return (
    <Stack gap={2}>
      {pages.map((page) => {
        const here = at === page.to;
        return (
          <NavLink
            key={page.to}
            component={Link}
            to={page.to}
            label={page.title}
            active={here}
            {...(here && { "aria-current": "page" as const })}
          />
        );
      })}
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
