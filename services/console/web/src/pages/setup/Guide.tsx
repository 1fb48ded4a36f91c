import { Accordion, Anchor, Code, ScrollArea, Select, Stack, Typography } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import Markdown, { type Components } from "react-markdown";
import { useLocation } from "react-router";
import remarkGfm from "remark-gfm";
import { Failure, Loading } from "../../parts/States";
import { sectionId } from "../../paths";
import { text } from "../../text";
import { type Provider, providers } from "../../text/setUp";
import classes from "./Guide.module.css";

/** The guides, each one a file of its own that the browser loads when somebody opens it. */
const guides = import.meta.glob<string>(["../../../../guides/*.md", "!../../../../guides/README.md"], {
  query: "?raw",
  import: "default",
});

function load(provider: Provider): Promise<string> {
  const guide = guides[`../../../../guides/${provider}.md`];
  return guide ? guide() : Promise.reject(new Error(`there is no guide for ${provider}`));
}

interface Props {
  provider: Provider;
  onProvider: (provider: Provider) => void;
  baseUrl: string;
  /** The API key, as long as it is shown. */
  secret: string | undefined;
}

/** The guide for an identity provider, with the values of this directory where its text has BASE_URL and API_KEY. */
export function Guide({ provider, onProvider, baseUrl, secret }: Props) {
  const guide = useQuery({
    queryKey: ["guide", provider],
    queryFn: () => load(provider),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const components = useMemo(() => componentsWith(baseUrl, secret), [baseUrl, secret]);
  return (
    <Stack>
      <Select
        label={text.setUp.guide}
        data={Object.entries(providers).map(([value, label]) => ({ value, label }))}
        value={provider}
        onChange={(value) => value && onProvider(value as Provider)}
        allowDeselect={false}
        maw="20rem"
      />
      {guide.error && <Failure error={guide.error} />}
      {guide.isPending && <Loading />}
      {guide.data && <Sections guide={guide.data} components={components} />}
    </Stack>
  );
}

/** The sections of a guide. Those that everybody needs are open, and the one that the address names. */
function Sections({ guide, components }: { guide: string; components: Components }) {
  const [introduction = "", ...sections] = guide.split(/^## /m);
  const named = useLocation().hash.slice(1);
  useEffect(() => {
    if (named) {
      document.getElementById(named)?.scrollIntoView();
    }
  }, [named]);
  return (
    <>
      <Section components={components}>{introduction}</Section>
      <Accordion
        multiple
        order={2}
        variant="separated"
        defaultValue={[...text.setUp.guideOpen.map(sectionId), ...(named ? [named] : [])]}
        keepMounted
        keepMountedMode="display-none"
        classNames={{ panel: classes.panel ?? "" }}
      >
        {sections.map((section) => {
          const [heading = "", ...lines] = section.split("\n");
          return (
            <Accordion.Item
              key={heading}
              value={sectionId(heading)}
              id={sectionId(heading)}
              className={classes.section ?? ""}
            >
              <Accordion.Control>{heading}</Accordion.Control>
              <Accordion.Panel>
                <Section components={components}>{lines.join("\n")}</Section>
              </Accordion.Panel>
            </Accordion.Item>
          );
        })}
      </Accordion>
    </>
  );
}

function Section({ children, components }: { children: string; components: Components }) {
  return (
    <Typography>
      <Markdown remarkPlugins={[remarkGfm]} components={components}>
        {children}
      </Markdown>
    </Typography>
  );
}

/** Returns how a guide shows its parts. */
function componentsWith(baseUrl: string, secret: string | undefined): Components {
  return {
    h1: () => null, // the page has a heading
    a: ({ children, href }) => (
      <Anchor href={href} target="_blank" rel="noreferrer" underline="always">
        {children}
      </Anchor>
    ),
    table: ({ children }) => (
      <ScrollArea type="auto" tabIndex={0}>
        <table>{children}</table>
      </ScrollArea>
    ),
    th: ({ children }) => (children ? <th>{children}</th> : <td />), // the corner of a table
    pre: ({ children }) => <>{children}</>, // a block is a Code, too
    code: ({ children }) => {
      const written = String(children);
      const value = { BASE_URL: baseUrl, API_KEY: secret }[written];
      const block = written.endsWith("\n");
      return (
        <Code
          block={block}
          style={{
            overflowWrap: "anywhere",
            ...(block && { whiteSpace: "pre-wrap" }),
            ...(value && { fontWeight: 600 }),
          }}
        >
          {value ?? children}
        </Code>
      );
    },
  };
}
