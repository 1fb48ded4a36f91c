import { Anchor, Button, Combobox, Text, useCombobox } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "../api/client";
import { useSession } from "../api/session";
import { paths } from "../paths";
import { text } from "../text";
import classes from "./Shell.module.css";

/** How many organizations the operator can choose from without a search. */
const shown = 100;

/** The name of the organization; the operator can go to another one. */
export function OrganizationSwitcher({ organization }: { organization: string }) {
  const session = useSession();
  const { data } = useQuery({
    queryKey: ["organization", organization],
    queryFn: () =>
      answer(api.GET("/api/v1/organizations/{organizationId}", { params: { path: { organizationId: organization } } })),
    staleTime: 60_000,
  });
  const name = data?.organization?.displayName || organization;
  if (session.organizationId) {
    return (
      <Text className={classes.organization} truncate c="dimmed">
        <bdi>{name}</bdi>
      </Text>
    );
  }
  return <Switcher name={name} />;
}

function Switcher({ name }: { name: string }) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const combobox = useCombobox({ onDropdownClose: () => setTyped("") });
  const { data } = useQuery({
    queryKey: ["organizations", "first"],
    queryFn: () => answer(api.GET("/api/v1/organizations", { params: { query: { pageSize: shown } } })),
    enabled: combobox.dropdownOpened,
  });
  const all = data?.organizations ?? [];
  const search = typed.trim().toLowerCase();
  const found = all.filter((o) => o.id.startsWith(search) || (o.displayName ?? "").toLowerCase().startsWith(search));
  return (
    <Combobox
      store={combobox}
      width={280}
      position="bottom-start"
      withinPortal={false}
      onOptionSubmit={(id) => {
        combobox.closeDropdown();
        void navigate(paths.overview(id));
      }}
    >
      <Combobox.Target targetType="button">
        <Button
          variant="default"
          size="xs"
          className={classes.organization}
          rightSection={<IconChevronDown size={14} />}
          onClick={() => combobox.toggleDropdown()}
          aria-label={`${text.nav.switchTo}: ${name}`}
        >
          <Text span inherit truncate>
            <bdi>{name}</bdi>
          </Text>
        </Button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          placeholder={text.nav.find}
          aria-label={text.nav.find}
        />
        <Combobox.Options aria-label={text.nav.organizations} mah={320} style={{ overflowY: "auto" }} tabIndex={0}>
          {found.map((o) => (
            <Combobox.Option value={o.id} key={o.id}>
              <Text size="sm" truncate>
                <bdi>{o.displayName || o.id}</bdi>
              </Text>
            </Combobox.Option>
          ))}
          {data && found.length === 0 && <Combobox.Empty>{text.nav.nothingFound}</Combobox.Empty>}
        </Combobox.Options>
        <Combobox.Footer>
          <Anchor component={Link} to={paths.organizations} size="sm" onClick={() => combobox.closeDropdown()}>
            {text.nav.organizations}
          </Anchor>
        </Combobox.Footer>
      </Combobox.Dropdown>
    </Combobox>
  );
}
