import { Paper, ScrollArea, Table, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  caption: string;
  columns: Record<string, string>;
  /** The cells of each row, by a key of the row. */
  rows: { key: string; cells: ReactNode[] }[];
  minWidth?: string;
}

/** A table that scrolls in its own frame where the screen is narrow. */
export function DataTable({ caption, columns, rows, minWidth = "36rem" }: Props) {
  return (
    <Paper withBorder>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": caption }}>
        <Table miw={minWidth} verticalSpacing="xs">
          <VisuallyHidden component="caption">{caption}</VisuallyHidden>
          <Table.Thead>
            <Table.Tr>
              {Object.entries(columns).map(([column, label]) => (
                <Table.Th key={column}>{label}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.key}>
                {row.cells.map((cell, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its column
                  <Table.Td key={i} style={{ overflowWrap: "anywhere" }}>
                    {cell}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </Paper>
  );
}
