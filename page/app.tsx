/** @jsxImportSource preact */
/**
 * The page: one table in view, or the list of tables.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, get, logInWith, pathOf } from "./api.ts";
import type { Row, Schema } from "./types.ts";
import { Alert, Copy } from "./dialog.tsx";
import {
  CellEditor,
  type Conflict,
  ConflictDialog,
  DeleteDialog,
  NewRow,
  PasteDialog,
  reasonOf,
} from "./edit.tsx";
import { Facet, FiguresDialog } from "./facets.tsx";
import { commandOf, equalTo, parameterOf, programOf } from "./filter.ts";
import { FilterBox } from "./filter_box.tsx";
import { type Cell, type Column, Grid } from "./grid.tsx";
import { Live, type LiveState } from "./live.ts";
import { Keys, Panel } from "./panel.tsx";
import { type Change, Rows } from "./rows.ts";
import { remember, remembered, toggleTheme } from "./settings.ts";
import { addressOf, type Condition, orderAfter, queryOf, type View, viewOf } from "./view.ts";

interface TableEntry {
  readonly name: string;
  readonly rows: number | null;
}

/** A change of how things are shown flashes for so long, in milliseconds. */
const FLASH_MS = 1600;

/** The whole page. */
export function App(): JSX.Element {
  const [view, setView] = useState<View>(() => viewOf(location));
  const [tables, setTables] = useState<readonly TableEntry[]>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    get<{ tables: TableEntry[] }>("/~tables").then(({ tables }) => {
      setTables(tables);
      setError(undefined);
      if (view.table === undefined && tables.length > 0) {
        show({ ...view, table: tables[0]!.name }, true);
      }
    }, setError);
  };
  const show = (next: View, isCorrection = false) => {
    const address = addressOf(next);
    if (isCorrection) history.replaceState(null, "", address);
    else if (address !== location.pathname + location.search + location.hash) {
      history.pushState(null, "", address);
    }
    setView(next);
  };
  useEffect(load, []);
  useEffect(() => {
    const back = () => setView(viewOf(location));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);

  if (error instanceof ApiError && error.problem.status === 401) return <Login onDone={load} />;
  const names = tables?.map(({ name }) => name) ?? [];
  return (
    <>
      <header class="bar">
        <strong>psbase</strong>
        <nav aria-label="Tables">
          {tables?.map(({ name, rows }) => (
            <a
              key={name}
              href={`/${encodeURIComponent(name)}`}
              aria-current={name === view.table ? "page" : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey) return;
                event.preventDefault();
                show({ table: name, conditions: [], order: [], hidden: [], facets: [] });
              }}
            >
              {name} <small>{rows === null ? "gone" : rows.toLocaleString()}</small>
            </a>
          ))}
        </nav>
        <button
          type="button"
          class="plain"
          title="Dark or light (key t)"
          aria-label="Dark or light"
          onClick={toggleTheme}
        >
          ◐
        </button>
      </header>
      {error !== undefined && <Alert>{reasonOf(error)}</Alert>}
      {tables?.length === 0 && <p class="empty">This server has no tables.</p>}
      {view.table !== undefined && (
        <TableView key={view.table} view={view} tables={names} onView={show} />
      )}
    </>
  );
}

/** Asks for the token, where the address had none. */
function Login({ onDone }: { onDone: () => void }): JSX.Element {
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    try {
      await logInWith(String(new FormData(form).get("token")).trim());
      onDone();
    } catch (error) {
      setError(reasonOf(error));
    }
  };
  return (
    <form class="login" onSubmit={submit}>
      <h1>psbase</h1>
      <p>
        The server asks for its token. It stands in the address that <code>psbase serve</code>{" "}
        printed.
      </p>
      <input name="token" type="password" aria-label="Token" autofocus autocomplete="off" />
      <button type="submit" class="main">Open</button>
      {error !== "" && <Alert>{error}</Alert>}
    </form>
  );
}

/** What is open above the table. */
type Open =
  | { readonly kind: "keys" | "panel" | "new" }
  | { readonly kind: "menu"; readonly column: Column; readonly at: DOMRect }
  | { readonly kind: "figures"; readonly column: Column }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "delete"; readonly row: Row }
  | { readonly kind: "conflict"; readonly conflict: Conflict };

function TableView(
  { view, tables, onView }: {
    view: View;
    tables: readonly string[];
    onView: (view: View) => void;
  },
): JSX.Element {
  const table = view.table!;
  const [schema, setSchema] = useState<Schema>();
  const [error, setError] = useState("");
  const [, redraw] = useState(0);
  const [version, setVersion] = useState(0);
  const [waiting, setWaiting] = useState(0);
  const [open, setOpen] = useState<Open>();
  const [edited, setEdited] = useState<{ cell: Cell; row: Row; start: string | undefined }>();
  const [live, setLive] = useState<LiveState>("waiting");
  const [flashes, setFlashes] = useState<ReadonlyMap<number, ReadonlySet<string>>>(new Map());
  const [widths, setWidths] = useState<Record<string, number>>(() =>
    remembered(`widths ${table}`, {})
  );

  const readSchema = () => {
    get<Schema>(pathOf(table, "~schema")).then((found) => {
      setSchema(found);
      setError("");
    }, (error) => setError(reasonOf(error)));
  };
  useEffect(readSchema, [table]);

  const query = queryOf(view);
  const rows = useMemo(() => new Rows(view, () => redraw((n) => n + 1)), [table, query, version]);
  useEffect(() => () => rows.close(), [rows]);
  useEffect(() => setWaiting(0), [rows]);
  const refresh = () => setVersion((n) => n + 1);

  const flash = (changes: readonly Change[]) => {
    const told = new Map<number, Set<string>>();
    for (const { kind, id, row, before } of changes) {
      if (kind !== "update" || id === null || row === null || before === null) continue;
      const names = Object.keys(row).filter((name) =>
        JSON.stringify(row[name]) !== JSON.stringify(before[name])
      );
      told.set(id, new Set(names));
    }
    if (told.size === 0) return;
    setFlashes(told);
    setTimeout(() => setFlashes((now) => now === told ? new Map() : now), FLASH_MS);
  };
  const current = useRef(rows);
  current.current = rows;
  const isStarted = rows.sequence !== undefined;
  useEffect(() => {
    if (!isStarted) return;
    const stream = new Live(table, current.current.sequence!, {
      state: setLive,
      missed: () => {
        readSchema();
        refresh();
      },
      changes(changes) {
        if (changes.some(({ kind }) => kind === "schema")) {
          readSchema();
          refresh();
          return;
        }
        const isWhole = current.current.apply(changes);
        if (!isWhole) setWaiting((n) => n + changes.length);
        flash(changes);
      },
    });
    return () => stream.close();
  }, [table, isStarted]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { tagName } = event.target as HTMLElement;
      if (/^(?:INPUT|TEXTAREA)$/.test(tagName) || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      if (event.key === "?") setOpen({ kind: "keys" });
      else if (event.key === "i") setOpen({ kind: "panel" });
      else if (event.key === "n" && schema?.write) setOpen({ kind: "new" });
      else if (event.key === "t") toggleTheme();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [schema]);

  if (error !== "") return <Alert>{error}</Alert>;
  if (schema === undefined) return <p class="empty">…</p>;

  const all: Column[] = [
    { name: "__id__", type: "integer" },
    ...schema.fields.map((field) => ({ name: field.name, type: field.type, field })),
  ];
  const columns = all.filter(({ name }) => !view.hidden.includes(name));
  const conditions = (next: readonly Condition[]) => onView({ ...view, conditions: next });
  const toggle = (condition: Condition) => {
    const isThere = (one: Condition) =>
      one.name === condition.name && one.value === condition.value;
    conditions(
      view.conditions.some(isThere)
        ? view.conditions.filter((one) => !isThere(one))
        : [...view.conditions, condition],
    );
  };
  const close = () => setOpen(undefined);
  const edit = (cell: Cell, start?: string) => {
    const row = rows.at(cell.row);
    if (!schema.write || row === undefined || columns[cell.column]?.field === undefined) return;
    setEdited({ cell, row, start });
  };
  const done = (row: Row) => {
    rows.put(row);
    setEdited(undefined);
    close();
  };
  const editor = edited && {
    cell: edited.cell,
    element: (
      <CellEditor
        row={edited.row}
        field={columns[edited.cell.column]!.field!}
        start={edited.start}
        table={table}
        tables={tables}
        onDone={done}
        onCancel={() => setEdited(undefined)}
        onConflict={(conflict) => {
          setEdited(undefined);
          setOpen({ kind: "conflict", conflict });
        }}
      />
    ),
  };
  const command = commandOf(table, view.conditions, view.order);
  const program = programOf(table, view.conditions, view.order, schema.fields);
  const total = rows.total;

  return (
    <main>
      <FilterBox view={view} fields={schema.fields} onConditions={conditions} />
      <div class="tools">
        <span class="count" role="status">
          {total === undefined ? "…" : `${total.toLocaleString()} ${total === 1 ? "row" : "rows"}`}
        </span>
        <span class={`live ${live}`} title="Changes of others are shown as they happen">
          {live === "live" ? "live" : live === "waiting" ? "connecting" : "not live"}
        </span>
        {waiting > 0 && (
          <button type="button" class="main" onClick={refresh}>
            {waiting} {waiting === 1 ? "change" : "changes"}: refresh
          </button>
        )}
        <span class="gap" />
        {schema.write && (
          <button type="button" onClick={() => setOpen({ kind: "new" })}>New row</button>
        )}
        {view.hidden.length > 0 && (
          <button
            type="button"
            onClick={() => onView({ ...view, hidden: [] })}
          >
            Show {view.hidden.length} hidden
          </button>
        )}
        <a href={`${pathOf(`${table}.csv`)}${query}`} download>CSV</a>
        <a href={`${pathOf(`${table}.ndjson`)}${query}`} download>NDJSON</a>
        <button type="button" onClick={() => setOpen({ kind: "panel" })}>Table</button>
        <button type="button" aria-label="Keys" onClick={() => setOpen({ kind: "keys" })}>?</button>
      </div>
      {rows.error !== undefined && <Alert>{rows.error.message}</Alert>}
      <div class="body">
        {view.facets.length > 0 && (
          <aside aria-label="Facets">
            {all.filter(({ name }) => view.facets.includes(name)).map((column) => (
              <Facet
                key={column.name}
                view={view}
                column={column}
                version={version}
                onToggle={toggle}
                onClose={() =>
                  onView({ ...view, facets: view.facets.filter((name) => name !== column.name) })}
              />
            ))}
          </aside>
        )}
        <div class="sheet">
          <Grid
            rows={rows}
            columns={columns}
            order={view.order}
            widths={widths}
            canWrite={schema.write}
            flashes={flashes}
            editor={editor}
            onSort={(name, add) => onView({ ...view, order: orderAfter(view.order, name, add) })}
            onWidth={(name, width) => {
              const next = { ...widths, [name]: width };
              setWidths(next);
              remember(`widths ${table}`, next);
            }}
            onMenu={(column, at) => setOpen({ kind: "menu", column, at })}
            onEdit={edit}
            onDelete={(row) => schema.write && setOpen({ kind: "delete", row })}
            onFilter={({ name }, text) => toggle(equalTo(name, text))}
            onPaste={(text) => text.trim() !== "" && setOpen({ kind: "paste", text })}
          />
          {total === 0 && (
            <p class="empty over">
              {view.conditions.length > 0 ? "No row matches." : "This table has no rows yet."}
            </p>
          )}
        </div>
      </div>
      <footer class="code">
        {command !== undefined && (
          <span>
            <code>{command}</code>
            <Copy text={command} label="Copy the command" />
          </span>
        )}
        {program !== undefined && (
          <span>
            <code>{program}</code>
            <Copy text={program} label="Copy the TypeScript" />
          </span>
        )}
      </footer>
      {open?.kind === "keys" && <Keys onClose={close} />}
      {open?.kind === "panel" && <Panel view={view} schema={schema} onClose={close} />}
      {open?.kind === "figures" && (
        <FiguresDialog
          view={view}
          column={open.column}
          onClose={close}
          onRange={(from, to, isLast) => {
            const name = parameterOf(open.column.name);
            close();
            conditions([
              ...view.conditions,
              { name, value: `gte.${from}` },
              { name, value: `${isLast ? "lte" : "lt"}.${to}` },
            ]);
          }}
        />
      )}
      {open?.kind === "menu" && (
        <ColumnMenu
          {...open}
          onClose={close}
          onFigures={() => setOpen({ kind: "figures", column: open.column })}
          onView={(next) => {
            close();
            onView(next);
          }}
          view={view}
        />
      )}
      {open?.kind === "new" && (
        <NewRow
          table={table}
          fields={schema.fields}
          tables={tables}
          onCancel={close}
          onDone={() => {
            close();
            if (live !== "live" || !rows.isPlain) refresh();
          }}
        />
      )}
      {open?.kind === "paste" && (
        <PasteDialog
          table={table}
          text={open.text}
          columns={columns.flatMap(({ field }) => field ?? [])}
          onCancel={close}
          onDone={() => {
            close();
            if (live !== "live" || !rows.isPlain) refresh();
          }}
        />
      )}
      {open?.kind === "delete" && (
        <DeleteDialog
          table={table}
          row={open.row}
          onCancel={close}
          onDone={() => {
            close();
            if (live !== "live" || !rows.isPlain) refresh();
          }}
        />
      )}
      {open?.kind === "conflict" && (
        <ConflictDialog conflict={open.conflict} table={table} onDone={done} onCancel={close} />
      )}
    </main>
  );
}

/** The menu of a column. */
function ColumnMenu(
  { column: { name, type }, at, view, onView, onFigures, onClose }: {
    column: Column;
    at: DOMRect;
    view: View;
    onView: (view: View) => void;
    onFigures: () => void;
    onClose: () => void;
  },
): JSX.Element {
  const isSortable = type !== "json";
  const facets = view.facets.includes(name)
    ? view.facets.filter((one) => one !== name)
    : [...view.facets, name];
  const entries: [string, () => void][] = [
    ...(isSortable
      ? [
        ["Sort ascending", () => onView({ ...view, order: [name] })],
        ["Sort descending", () => onView({ ...view, order: [`-${name}`] })],
        [view.facets.includes(name) ? "Close facet" : "Facet", () => onView({ ...view, facets })],
        ["Figures", onFigures],
      ] as [string, () => void][]
      : []),
    ["Hide", () => onView({ ...view, hidden: [...view.hidden, name] })],
    ["Only null", () => onView({ ...view, conditions: [...view.conditions, equalTo(name, null)] })],
    ["Only not null", () =>
      onView({
        ...view,
        conditions: [...view.conditions, { name: parameterOf(name), value: "not.is.null" }],
      })],
  ];
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    ref.current!.style.left = `${Math.min(at.left, innerWidth - 180)}px`;
    ref.current!.style.top = `${at.bottom}px`;
    ref.current!.querySelector("button")!.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...ref.current!.querySelectorAll("button")];
    const place = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) buttons[(place + step + buttons.length) % buttons.length]!.focus();
    else if (event.key === "Escape") {
      onClose();
      document.querySelector<HTMLElement>(".grid")?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="shade" onMouseDown={onClose}>
      <div
        ref={ref}
        class="popup"
        role="menu"
        aria-label={`Menu of ${name}`}
        onMouseDown={(event) => event.stopPropagation()}
        onKeyDown={onKeyDown}
      >
        {entries.map(([label, run]) => (
          <button key={label} type="button" role="menuitem" class="plain" onClick={run}>
            {label}
          </button>
        ))}
      </div>
    </div>
  );
}
