/** @jsxImportSource preact */
/**
 * What there is to know of a table: fields, indexes, the plan of the current filter, figures of its
 * files, and whether all of it is intact.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, pathOf } from "./api.ts";
import type { Schema } from "./types.ts";
import { Alert, Dialog } from "./dialog.tsx";
import { reasonOf } from "./edit.tsx";
import { queryOf, type View } from "./view.ts";

type Facts = Readonly<Record<string, unknown>>;

function FactsTable({ facts }: { facts: Facts }): JSX.Element {
  return (
    <table class="facts">
      <tbody>
        {Object.entries(facts).map(([name, value]) => (
          <tr key={name}>
            <th>{name}</th>
            <td>
              {typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The panel. */
export function Panel(
  { view, schema, onClose }: { view: View; schema: Schema; onClose: () => void },
): JSX.Element {
  const [stats, setStats] = useState<Facts>({});
  const [plan, setPlan] = useState<Facts>({});
  const [check, setCheck] = useState<Facts>();
  const [error, setError] = useState("");
  const table = view.table!;
  const fail = (error: unknown) => setError(reasonOf(error));
  useEffect(() => {
    get<Facts>(pathOf(table, "~stats")).then(setStats, fail);
    get<Facts>(pathOf(table, `~explain${queryOf(view, { limit: 100 })}`)).then(setPlan, fail);
  }, []);
  return (
    <Dialog title={table} onClose={onClose} wide>
      {error !== "" && <Alert>{error}</Alert>}
      <h3>Fields</h3>
      <table>
        <thead>
          <tr>
            <th>name</th>
            <th>type</th>
            <th>options</th>
            <th>default</th>
          </tr>
        </thead>
        <tbody>
          {schema.fields.map(({ name, type, required, index, unique, link, default: standard }) => (
            <tr key={name}>
              <td>{name}</td>
              <td>{link === undefined ? type : `${type} to ${link}`}</td>
              <td>
                {[required && "required", unique ? "unique" : index && "index"].filter(Boolean)
                  .join(", ")}
              </td>
              <td>{standard === null ? "" : JSON.stringify(standard)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>How this view finds its rows</h3>
      <FactsTable facts={plan} />
      <h3>Figures</h3>
      <FactsTable facts={stats} />
      <h3>Integrity</h3>
      {check === undefined
        ? (
          <button
            type="button"
            onClick={() => get<Facts>(pathOf(table, "~check")).then(setCheck, fail)}
          >
            Verify every byte
          </button>
        )
        : <FactsTable facts={check} />}
    </Dialog>
  );
}

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["/", "filter"],
  [
    "arrows, PgUp, PgDn, Home, End",
    "move; with Shift: select; with Ctrl: to the first or last row",
  ],
  ["=", "only rows with the value of this cell"],
  ["s", "sort by this column: ascending, descending, not; with Shift: besides the others"],
  ["m", "menu of this column: facet, figures, hide"],
  ["Ctrl-C", "copy the cell, or the selected cells"],
  ["Enter", "edit the cell; Enter again saves, Esc leaves, Ctrl-Delete sets null"],
  ["n", "new row"],
  ["Ctrl-V", "insert rows from a spreadsheet"],
  ["Delete", "delete the row"],
  ["i", "fields, plan, figures of the table"],
  ["t", "dark or light"],
  ["?", "these keys"],
];

/** The keys. */
export function Keys({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table class="facts">
        <tbody>
          {KEYS.map(([keys, what]) => (
            <tr key={keys}>
              <th>{keys}</th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
