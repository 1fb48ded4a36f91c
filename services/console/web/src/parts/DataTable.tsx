import { Paper, ScrollArea, Table, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./DataTable.module.css";

interface Props {
  caption: string;
  columns: Record<string, string>;
  /** The cells of each row, by a key of the row. */
  rows: { key: string; cells: ReactNode[] }[];
  minWidth?: string;
}

/**
 * A table. Where the screen is narrow, each row is a block with the names of its columns. The roles are explicit, because a browser forgets
 * them when a row is a block.
 */
export function DataTable({ caption, columns, rows, minWidth = "36rem" }: Props) {
  const labels = Object.values(columns);
  return (
    <Paper withBorder>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": caption }}>
        <Table className={classes.table ?? ""} miw={{ base: 0, xs: minWidth }} verticalSpacing="xs" role="table">
          <VisuallyHidden component="caption">{caption}</VisuallyHidden>
          <Table.Thead role="rowgroup">
            <Table.Tr role="row">
              {labels.map((label) => (
                <Table.Th key={label} role="columnheader">
                  {label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody role="rowgroup">
            {rows.map((row) => (
              <Table.Tr key={row.key} role="row">
                {row.cells.map((cell, i) => (
                  <Table.Td key={labels[i]} role="cell" className={classes.cell ?? ""} data-label={labels[i]}>
                    <div className={classes.content}>{cell}</div>
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
