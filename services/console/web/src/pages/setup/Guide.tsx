import { Anchor, Code, ScrollArea, Select, Stack, Typography } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import Markdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Failure, Loading } from "../../parts/States";
import { text } from "../../text";
import { type Provider, providers } from "../../text/setUp";

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
  const components: Components = {
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
      {guide.data && (
        <Typography>
          <Markdown remarkPlugins={[remarkGfm]} components={components}>
            {guide.data}
          </Markdown>
        </Typography>
      )}
    </Stack>
  );
}
