/**
 * The page: what it shows of a table, and what is done in it.
 *
 * @module
 */

import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { ask, at, messageOf, onToken, Refusal, send } from "./api.ts";
import {
  type Conflict,
  ConflictDialog,
  DeleteDialog,
  KeysDialog,
  LoginDialog,
  parseTsv,
  PasteDialog,
  Problem,
  tsvOf,
} from "./dialogs.ts";
import { CellEditor, download, needsDialog, NewRowDialog, ValueDialog } from "./editing.ts";
import { Facets } from "./facets.ts";
import { FiguresDialog } from "./figures.ts";
import { sameAs } from "./filter.ts";
import { CodeLine, copy, FilterBox } from "./filter_box.ts";
import { Grid, type Place, type Selected } from "./grid.ts";
import { html } from "./html.ts";
import { type Change, follow, type LiveState } from "./live.ts";
import { Rows } from "./rows.ts";
import { Panel } from "./schema_view.ts";
import { recall, remember } from "./storage.ts";
import {
  type Field,
  fieldNamed,
  ID,
  type Row,
  type Schema,
  type Table,
  type Value,
} from "./types.ts";
import { count, isNumeric, parseValue, shownText, textOf } from "./values.ts";
import {
  addressOf,
  type Condition,
  pageQuery,
  query,
  readView,
  rowParameters,
  type View,
  viewOf,
} from "./view_state.ts";

const THEMES = ["auto", "dark", "light"] as const;

/** Uses the colors of the system, or the ones that were chosen. */
function useTheme(): [string, () => void] {
  const [theme, setTheme] = useState<string>(() => recall("theme", "auto"));
  useLayoutEffect(() => {
    document.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme;
    remember("theme", theme);
  }, [theme]);
  return [theme, () => setTheme(THEMES[(THEMES.indexOf(theme as "auto") + 1) % THEMES.length]!)];
}

/** The page. */
export function App() {
  const [view, setView] = useState<View>(() => readView(new URL(location.href)));
  const [asksToken, setAsksToken] = useState(false);
  const [tries, setTries] = useState(0);
  const [list, noList] = useAnswer<{ tables: Table[] }>("/~tables", tries);
  const [schema, noSchema] = useAnswer<Schema>(
    view.table === "" ? "" : at(view.table, "~schema"),
    tries,
  );
  const tables = list?.tables;
  const problem = noSchema ?? noList;
  const [theme, nextTheme] = useTheme();
  const [keys, setKeys] = useState(false);

  useLayoutEffect(() => {
    onToken(() => setAsksToken(true));
    const back = () => setView(readView(new URL(location.href)));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = useCallback((next: View) => {
    history.pushState(null, "", addressOf(next));
    setView(next);
  }, []);
  useLayoutEffect(() => {
    const [first] = tables ?? [];
    if (view.table !== "" || first === undefined) return;
    history.replaceState(null, "", addressOf(viewOf(first.name)));
    setView(viewOf(first.name));
  }, [list]);
  useLayoutEffect(() => {
    document.title = view.table === "" ? "psbase" : `${view.table} – psbase`;
  }, [view.table]);

  const reload = useCallback(() => setTries((n) => n + 1), []);
  const isReady = schema !== undefined && schema.name === view.table;
  return html`
    <header class="top">
      <b class="brand">psbase</b>
      <nav aria-label="Tables">${tables?.map(({ name, rows }) =>
        html`
          <a href=${addressOf(viewOf(name))} aria-current=${name === view.table
            ? "page"
            : undefined}
            onClick=${(event: MouseEvent) => {
              if (event.ctrlKey || event.metaKey || event.shiftKey) return;
              event.preventDefault();
              go(viewOf(name));
            }}>${name}${rows !== null && html`
              <small>${count(rows)}</small>
            `}</a>
        `
      )}</nav>
      <button class="plain" title="Dark, light (t)" onClick=${nextTheme}>◐ ${theme}</button>
      <button class="plain" title="Keys (?)" onClick=${() => setKeys(true)}>?</button>
    </header>
        <${Problem} text=${problem} />
        ${isReady
          ? html`
            <${TableView} key=${schema.name} schema=${schema} view=${view} go=${go}
              tables=${tables ?? []} nextTheme=${nextTheme} showKeys=${() => setKeys(true)}
              reload=${reload} />
          `
          : html`<main class="empty">${
            problem !== undefined
              ? html`<button onClick=${reload}>Try again</button>`
              : tables?.length === 0
              ? html`
                <p>No tables are served.</p>
                <p>Say for example <code>psbase serve people</code></p>
              `
              : html`<p>opening…</p>`
          }</main>`}
        ${asksToken &&
          html`<${LoginDialog} close=${() => setAsksToken(false)} done=${() => {
            setAsksToken(false);
            reload();
          }} />`}
        ${keys && html`<${KeysDialog} close=${() => setKeys(false)} />`}
  `;
}

/** What is open over a table. */
type Open =
  | { readonly kind: "new" | "panel" }
  | { readonly kind: "menu"; readonly field: Field; readonly x: number; readonly y: number }
  | { readonly kind: "figures"; readonly field: Field }
  | { readonly kind: "value"; readonly field: Field; readonly row: Row }
  | { readonly kind: "conflict"; readonly conflict: Conflict }
  | { readonly kind: "delete"; readonly rows: readonly Row[] }
  | { readonly kind: "paste"; readonly cells: string[][]; readonly fields: readonly Field[] };

interface Undo {
  readonly id: number;
  readonly field: Field;
  readonly value: Value;
  readonly version: number;
}

/** How long a value in an address may be. */
const MAX_TEXT = 2000;

/** What tells a change from all others; a row that was deleted has no version. */
function ownKey(id: number, row: Row | null): string {
  return `${id} ${row?.__version__}`;
}

const START: Selected = { from: { row: 0, column: 1 }, to: { row: 0, column: 1 } };

function TableView({ schema, view, go, tables, nextTheme, showKeys, reload }: {
  schema: Schema;
  view: View;
  go: (view: View) => void;
  tables: readonly Table[];
  nextTheme: () => void;
  showKeys: () => void;
  reload: () => void;
}) {
  const { name: table, write } = schema;
  const [, redraw] = useState(0);
  const changed = useCallback(() => redraw((n) => n + 1), []);
  const [selected, setSelected] = useState<Selected>(START);
  const [editing, setEditing] = useState<{ begin: string | undefined; row: Row }>();
  const [open, setOpen] = useState<Open>();
  const [panel, setPanel] = useState(false);
  const [total, setTotal] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const [rowsProblem, setRowsProblem] = useState<string>();
  const [notice, setNotice] = useState<{ text: string; undo?: Undo }>();
  const [live, setLive] = useState<LiveState>("off");
  const [pending, setPending] = useState(0);
  const [epoch, setEpoch] = useState(0);
  const [tick, setTick] = useState(0);
  const [widths, setWidths] = useState<Record<string, number>>(() => recall(`widths ${table}`, {}));
  const flashes = useRef(new Map<string, number>());
  // Changes that were made here, by id and version: the stream tells of them as well.
  const own = useRef(new Set<string>());
  const writing = useRef<Promise<unknown>>();
  const sending = <T>(work: Promise<T>): Promise<T> => {
    writing.current = work.catch(() => {});
    return work;
  };
  const [since, setSince] = useState<number>();

  const rowsKey = query(rowParameters(view));
  const where = query(view.where);
  const rows = useMemo(() => {
    const fetchRows = async (offset: number, limit: number, signal: AbortSignal) => {
      const answer = await ask<Row[]>(at(table) + pageQuery(view, limit, offset), { signal });
      setRowsProblem(undefined);
      setSince((known) => known ?? answer.sequence);
      return answer.data;
    };
    return new Rows(fetchRows, changed, (error) => setRowsProblem(messageOf(error)));
  }, [table, rowsKey, epoch]);
  useLayoutEffect(() => () => rows.close(), [rows]);
  const [counted] = useAnswer<{ count: number }>(at(table, "~count") + where, epoch);
  useLayoutEffect(() => setTotal(counted?.count), [counted]);
  const refresh = useCallback(() => {
    setPending(0);
    setEpoch((n) => n + 1);
    setTick((n) => n + 1);
  }, []);
  const isPlain = view.where.length === 0 && view.order.length === 0;
  const shownTotal = rows.exact ?? Math.max(total ?? 0, rows.least);

  // Changes of others.
  const onChanges = useRef((_: readonly Change[]) => {});
  onChanges.current = (changes) => {
    let moved = 0;
    let added = 0;
    for (const { kind, id, row } of changes) {
      if (kind === "schema") return reload();
      if (own.current.delete(ownKey(id!, row))) continue;
      if (kind === "insert") isPlain ? added++ : moved++;
      else if (kind === "delete") {
        moved++;
        rows.deleted.add(id!);
      } else {
        if (!isPlain) moved++;
        const before = rows.replace(row!);
        if (before !== undefined) flash(before, row!);
      }
    }
    if (added > 0) {
      setTotal(shownTotal + added);
      rows.append(shownTotal + added);
    }
    setPending((n) => n + moved);
    changed();
    clearTimeout(later.current);
    later.current = setTimeout(() => setTick((n) => n + 1), 1000);
  };
  const later = useRef<ReturnType<typeof setTimeout>>();
  const flash = (before: Row, row: Row) => {
    for (const name of Object.keys(before)) {
      if (JSON.stringify(before[name]) === JSON.stringify(row[name])) continue;
      const key = `${row.__id__}/${name}`;
      flashes.current.set(key, Date.now());
      setTimeout(() => flashes.current.delete(key), 2000);
    }
  };
  useLayoutEffect(() => {
    if (since === undefined) return;
    return follow(table, since, {
      async changes(changes) {
        // A change of this page is known as such once its request is answered.
        await writing.current;
        onChanges.current(changes);
      },
      state: (state) => {
        setLive(state);
        if (state === "live") rows.retry();
      },
      gone() {
        setSince(undefined);
        refresh();
      },
    });
  }, [table, since]);

  // Columns.
  const columns = useMemo(() => {
    const fields = view.select === undefined
      ? schema.fields
      : view.select.map((name) => fieldNamed(schema, name)).filter((one) => one !== undefined);
    return [ID, ...fields.filter(({ name }) => name !== ID.name)];
  }, [schema, view.select?.join()]);
  const natural = useMemo(() => {
    return columns.map((field) => {
      let length = field === ID ? 5 : field.name.length + 4;
      for (let i = 0; i < 30; i++) {
        const value = rows.at(i)?.[field.name];
        if (value === null || value === undefined) continue;
        length = Math.max(length, shownText(field, value).length);
      }
      return Math.round(
        Math.min(
          field === ID ? 110 : 280,
          Math.max(56, length * (isNumeric(field) ? 8.4 : 7.6) + 22),
        ),
      );
    });
  }, [columns, rows.at(0) !== undefined]);
  const sizes = columns.map((field, i) => widths[field.name] ?? natural[i]!);
  const resize = (column: number, width: number) => {
    const next = { ...widths, [columns[column]!.name]: Math.round(width) };
    setWidths(next);
    remember(`widths ${table}`, next);
  };
  const sort = ({ name, type }: Field) => {
    if (type === "json") return setNotice({ text: `"${name}" has no order: it is json` });
    const order = view.order.includes(name)
      ? [`-${name}`]
      : view.order.includes(`-${name}`)
      ? []
      : [name];
    go({ ...view, order });
  };
  const facet = ({ name }: Field) => {
    const { facets } = view;
    const isOn = facets.includes(name);
    go({ ...view, facets: isOn ? facets.filter((one) => one !== name) : [...facets, name] });
  };
  const add = (conditions: readonly Condition[]) =>
    go({ ...view, where: [...view.where, ...conditions] });

  // The active cell.
  const { row: index, column } = selected.to;
  const row = index >= 0 ? rows.at(index) : undefined;
  const field = columns[Math.min(column, columns.length - 1)]!;
  const value = row?.[field.name];
  const canEdit = write && row !== undefined && field !== ID && !rows.deleted.has(row.__id__);
  const focusGrid = () => document.querySelector<HTMLElement>("[role=grid]")?.focus();
  const goTo = (row: number, column: number) => {
    const to = {
      row: Math.min(shownTotal - 1, row),
      column: Math.min(columns.length - 1, column),
    };
    setSelected({ from: to, to });
  };
  const leave = () => {
    setEditing(undefined);
    focusGrid();
  };

  /** Saves one value; a conflict opens its dialog, and nothing is saved. */
  const save = async (before: Row, field: Field, value: Value): Promise<boolean> => {
    const { name } = field;
    try {
      const { data } = await sending(
        send<Row>("PATCH", at(table, before.__id__), { [name]: value }, before.__version__),
      );
      own.current.add(ownKey(before.__id__, data));
      rows.replace(data);
      const undo = {
        ...{ id: before.__id__, field, version: data.__version__ },
        value: before[name] ?? null,
      };
      setNotice({ text: `${name} of row ${before.__id__} saved`, undo });
      setTick((n) => n + 1);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal) || (error.status !== 412 && error.status !== 404)) {
        throw error;
      }
      const theirs = error.told.row as Row | null ?? null;
      setEditing(undefined);
      setOpen({ kind: "conflict", conflict: { field, before, mine: value, theirs } });
      return false;
    }
  };
  /** Saves one value; what is wrong is said above the grid. */
  const trySave = async (...args: Parameters<typeof save>) => {
    try {
      await save(...args);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const takeTheirs = ({ before, theirs }: Conflict) => {
    if (theirs === null) rows.deleted.add(before.__id__);
    else rows.replace(theirs);
    setOpen(undefined);
    changed();
  };
  const undo = async ({ id, field, value, version }: Undo) => {
    setNotice(undefined);
    const found = rows.at(rows.find(id));
    await trySave({ ...found, __id__: id, __version__: version }, field, value);
  };
  const edit = (begin?: string) => {
    if (row === undefined) return;
    if (!canEdit || needsDialog(field, value)) setOpen({ kind: "value", field, row });
    else setEditing({ begin, row });
  };
  const setNull = async () => {
    if (!canEdit || value === null) return;
    if (field.required) return setProblem(`field "${field.name}" is required: it cannot be null`);
    await trySave(row, field, null);
  };
  const insert = async (values: Record<string, Value> | Record<string, Value>[]) => {
    const { data } = await sending(send<{ ids: number[] }>("POST", at(table), values));
    for (const id of data.ids) own.current.add(`${id} 0`);
    setOpen(undefined);
    const { length } = data.ids;
    setNotice({ text: length === 1 ? `row ${data.ids[0]} inserted` : `${length} rows inserted` });
    refresh();
    if (isPlain) {
      const to = { row: shownTotal + length - 1, column: 1 };
      setSelected({ from: to, to });
    }
  };
  /** The rows and columns that are selected. */
  const chosen = () => {
    const [a, b] = [selected.from, selected.to];
    const [r0, r1] = [Math.min(a.row, b.row), Math.max(a.row, b.row)];
    const [c0, c1] = [Math.min(a.column, b.column), Math.max(a.column, b.column)];
    const found: Row[] = [];
    for (let i = Math.max(0, r0); i <= r1; i++) {
      const one = rows.at(i);
      if (one !== undefined) found.push(one);
    }
    return { rows: found, count: r1 - r0 + 1, fields: columns.slice(c0, c1 + 1) };
  };
  const copyCells = async () => {
    const { rows: found, count: wanted, fields } = chosen();
    if (found.length === 0) return;
    const isOne = wanted === 1 && fields.length === 1;
    await copy(
      isOne
        ? textOf(fields[0]!, found[0]![fields[0]!.name])
        : tsvOf(found.map((one) => fields.map((field) => textOf(field, one[field.name])))),
    );
    focusGrid();
    const left = wanted - found.length;
    setNotice({
      text: (isOne ? "copied" : `${found.length} rows copied`) +
        (left > 0 ? `; ${left} were not loaded` : ""),
    });
  };
  const askDelete = () => {
    const found = chosen().rows.filter((one) => !rows.deleted.has(one.__id__));
    if (write && found.length > 0) setOpen({ kind: "delete", rows: found });
  };
  const deleteRows = async (gone: readonly Row[]) => {
    let done = 0;
    try {
      for (const { __id__, __version__ } of gone) {
        await sending(send("DELETE", at(table, __id__), undefined, __version__));
        own.current.add(ownKey(__id__, null));
        done++;
      }
    } catch (error) {
      if (done > 0) refresh();
      throw error instanceof Refusal && error.status === 412
        ? new Error(`Row ${gone[done]!.__id__} was changed meanwhile: look at it again`)
        : error;
    }
    setOpen(undefined);
    setNotice({ text: done === 1 ? `row ${gone[0]!.__id__} deleted` : `${done} rows deleted` });
    refresh();
  };
  const paste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if ((event.target as HTMLElement).role !== "grid" || !write || text === "") return;
    event.preventDefault();
    const cells = parseTsv(text);
    if (cells.length === 1 && cells[0]!.length === 1) return canEdit && edit(cells[0]![0]);
    const head = cells[0]!.map((name) => fieldNamed(schema, name));
    const isHead = head.every((one) => one !== undefined);
    const fields = isHead ? head : columns.slice(1);
    setOpen({ kind: "paste", cells: isHead ? cells.slice(1) : cells, fields });
  };
  const filterBy = (not: boolean) => {
    if (row === undefined) return;
    const text = value === null ? null : textOf(field, value);
    const reason = field.type === "json"
      ? "it is json"
      : text !== null && text.length > MAX_TEXT
      ? "the value is too long for an address"
      : undefined;
    if (reason === undefined) add([sameAs(field, text, not)]);
    else setProblem(`Cannot filter by "${field.name}": ${reason}`);
  };
  const follows = () => {
    if (field.link === undefined || value === null) return;
    go(viewOf(field.link, [["__id__", `eq.${value}`]]));
  };

  const openPlace = (place: Place) => {
    const one = columns[place.column]!;
    if (place.row < 0) sort(one);
    else edit();
  };
  const key = (event: KeyboardEvent) => {
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    const isControl = ctrlKey || metaKey;
    let known = true;
    if (key === "Enter" || key === "F2") openPlace(selected.to);
    else if (isControl && key === "0") void setNull();
    else if (isControl && key === "z") notice?.undo && void undo(notice.undo);
    else if (isControl && key === "c") void copyCells();
    else if (isControl || altKey) known = false;
    else if (key === "=") filterBy(false);
    else if (key === "!") filterBy(true);
    else if (key === "Delete" && shiftKey) askDelete();
    else if (key === "ContextMenu" || key === "m") showMenu(column, 200, 200);
    else if (key === "l") follows();
    else known = false;
    if (known) event.preventDefault();
  };
  const showMenu = (column: number, x: number, y: number) =>
    setOpen({ kind: "menu", field: columns[column]!, x, y });
  // Keys of the page, wherever the focus is but where something is typed.
  const keys = useRef((_: KeyboardEvent) => {});
  keys.current = (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const at = target as HTMLElement;
    if (ctrlKey || metaKey || altKey || at.closest("input,textarea,select,dialog,.menu")) return;
    if (key === "/") document.getElementById("filter")!.focus();
    else if (key === "?") showKeys();
    else if (key === "t") nextTheme();
    else if (key === "i") setPanel((is) => !is);
    else if (key === "r") refresh();
    else if (key === "n" && write) setOpen({ kind: "new" });
    else return;
    event.preventDefault();
  };
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => keys.current(event);
    addEventListener("keydown", listen);
    focusGrid();
    return () => removeEventListener("keydown", listen);
  }, []);

  const close = () => setOpen(undefined);
  // The row as it was when the edit began: what others change meanwhile is a conflict.
  const editor = editing && html`
    <${CellEditor} key=${`${editing.row.__id__}/${field.name}`}
      field=${field} value=${editing.row[field.name]} begin=${editing.begin} leave=${leave}
      save=${async (to: Value, then: string) => {
        if (!await save(editing.row, field, to)) return;
        setEditing(undefined);
        if (then !== "stay") focusGrid();
        if (then === "down") goTo(index + 1, column);
        if (then === "right") goTo(index, column + 1);
      }} />
  `;
  const isEmpty = rows.exact === 0;
  return html`<div class="view" onPaste=${paste}>
    <${FilterBox} schema=${schema} view=${view} go=${go} problem=${rowsProblem} />
    <div class="actions">
      <${CodeLine} schema=${schema} view=${view} />
      ${
    write && html`<button title="New row (n)" onClick=${() =>
      setOpen({ kind: "new" })}>New row</button>`
  }
      <${FacetMenu} schema=${schema} view=${view} facet=${facet} go=${go} />
      <button title="About the table (i)" aria-pressed=${panel} onClick=${() =>
    setPanel(!panel)}>Table</button>
    </div>
    <div class="middle">
      ${
    view.facets.length > 0 &&
    html`<${Facets} schema=${schema} view=${view} tick=${tick} go=${go} />`
  }
      <main>
        <div class="bar"><b>${
    index < 0 ? "columns" : row === undefined ? "" : field === ID ? "id" : field.name
  }</b>
          <output>${
    row === undefined
      ? ""
      : value === null || value === undefined
      ? html`<i class="null">null</i>`
      : value === ""
      ? html`<i class="null">empty text</i>`
      : shownText(field, value)
  }</output>
          ${
    row !== undefined && html`
      ${field.type !== "json" && html`
        <button class="plain" title="Filter for this value (=)" onClick=${() =>
          filterBy(false)}>= this</button>
        <button class="plain" title="Filter for all others (!)" onClick=${() =>
          filterBy(true)}>≠ this</button>
      `}
      ${field.link !== undefined && tables.some(({ name }) => name === field.link) &&
        value !== null &&
        html`<button class="plain" title="Go there (l)" onClick=${follows}>${field.link} ${value} →</button>`}
      ${field.type === "bytes" && value !== null &&
        html`<button class="plain" onClick=${() =>
          download(field.name, String(value))}>download</button>`}
      <button class="plain" title="Enter" onClick=${() => edit()}>${canEdit
        ? "edit"
        : "show"}</button>
      ${canEdit && !field.required &&
        html`<button class="plain" title="Set null (Ctrl 0)" onClick=${setNull}>∅ null</button>`}
      ${write &&
        html`<button class="plain" title="Delete the row (Shift Delete)" onClick=${askDelete}>delete</button>`}
    `
  }
        </div>
        <${Problem} text=${problem} />
        <${Grid} rows=${rows} total=${shownTotal} columns=${columns} widths=${sizes}
          order=${view.order} selected=${selected} editor=${editor} flashes=${flashes.current}
          label=${table} begins=${rowsKey} resize=${resize} open=${openPlace} menu=${showMenu}
          select=${(next: Selected) => {
    setSelected(next);
    setEditing(undefined);
    setProblem(undefined);
  }} unknown=${key} />
        ${
    isEmpty && html`<div class="nothing">${
      view.where.length > 0
        ? html`<p>No row matches.</p><button onClick=${() =>
          go({ ...view, where: [] })}>Take all conditions away</button>`
        : html`<p>The table is empty.</p>${
          write && html`<button onClick=${() => setOpen({ kind: "new" })}>New row</button>`
        }`
    }</div>`
  }
      </main>
      ${
    panel &&
    html`<${Panel} schema=${schema} view=${view} tick=${tick} close=${() => setPanel(false)} />`
  }
    </div>
    <footer class="status">
      <span>${
    isEmpty
      ? "no rows"
      : `row ${count(Math.max(0, index) + 1)} of ${count(shownTotal)}${
        total === undefined && rows.exact === undefined ? " or more" : ""
      }`
  }</span>
      ${
    pending > 0 &&
    html`<button class="main" title="r" onClick=${refresh}>${pending} ${
      pending === 1 ? "change" : "changes"
    }: refresh</button>`
  }
      <span class="notice" role="status">${notice?.text}</span>
      ${
    notice?.undo && html`<button class="plain" onClick=${() => undo(notice.undo!)}>undo</button>`
  }
      ${rowsProblem && html`<button onClick=${refresh}>Try again</button>`}
      <span class="live ${live}" role="status">${
    live === "lost"
      ? "connection lost, trying again…"
      : live === "live"
      ? "live"
      : live === "paused"
      ? "paused"
      : ""
  }</span>
      ${!write && html`<small>read only</small>`}
    </footer>
    ${
    open?.kind === "menu" &&
    html`
      <${ColumnMenu} ...${open} view=${view} schema=${schema} close=${() => (close(), focusGrid())}
        sort=${(order: string[]) => go({ ...view, order })} facet=${() => facet(open.field)}
        figures=${() => setOpen({ kind: "figures", field: open.field })}
        hide=${() => {
          const select = columns.slice(1).map(({ name }) => name)
            .filter((name) => name !== open.field.name);
          go({ ...view, select });
        }} />
    `
  }
    ${
    open?.kind === "figures" &&
    html`
      <${FiguresDialog} field=${open.field} view=${view} close=${close}
        add=${(conditions: Condition[]) => (close(), add(conditions))} />
    `
  }
    ${
    open?.kind === "value" &&
    html`
      <${ValueDialog} field=${open.field} value=${open.row[open.field.name]} tables=${tables}
        write=${write && open.field !== ID} close=${close}
        save=${async (to: Value) => {
          close();
          await trySave(open.row, open.field, to);
        }} />
    `
  }
    ${
    open?.kind === "new" &&
    html`<${NewRowDialog} schema=${schema} tables=${tables} insert=${insert} close=${close} />`
  }
    ${
    open?.kind === "paste" &&
    html`
      <${PasteDialog} fields=${open.fields} cells=${open.cells} parse=${parseValue}
        insert=${insert} close=${close} />
    `
  }
    ${
    open?.kind === "delete" &&
    html`
      <${DeleteDialog} schema=${schema} rows=${open.rows} close=${close}
        run=${() => deleteRows(open.rows)} />
    `
  }
    ${
    open?.kind === "conflict" &&
    html`
      <${ConflictDialog} conflict=${open.conflict} close=${close}
        take=${() => takeTheirs(open.conflict)}
        keep=${async () => {
          const { before, theirs, field, mine } = open.conflict;
          close();
          await trySave({ ...before, ...theirs }, field, mine);
        }} />
    `
  }
  </div>`;
}

/** A list of buttons at a place; the arrows move in it. */
function Menu({ x, y, label, close, entries }: {
  x: number;
  y: number;
  label: string;
  close: () => void;
  entries: readonly (readonly [text: string, run: () => void])[];
}) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    ref.current!.querySelector("button")?.focus();
    const away = (event: Event) => ref.current!.contains(event.target as Node) || close();
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, []);
  const key = (event: KeyboardEvent) => {
    const buttons = [...ref.current!.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]!.focus();
    else if (event.key === "ArrowUp") buttons.at(at - 1)!.focus();
    else return;
    event.preventDefault();
  };
  const left = Math.max(8, Math.min(x, innerWidth - 200));
  const top = Math.max(8, Math.min(y, innerHeight - entries.length * 32 - 16));
  return html`
    <div class="menu" role="menu" aria-label=${label} ref=${ref} onKeyDown=${key}
      style=${{ left: `${left}px`, top: `${top}px` }}>${entries.map((
        [text, run],
      ) =>
        html`<button role="menuitem" class="plain" onClick=${() => (close(),
          run())}>${text}</button>`
      )}</div>
  `;
}

function ColumnMenu({ field, x, y, view, close, sort, facet, figures, hide }: {
  field: Field;
  x: number;
  y: number;
  view: View;
  close: () => void;
  sort: (order: string[]) => void;
  facet: () => void;
  figures: () => void;
  hide: () => void;
}) {
  const { name, type } = field;
  const sortable: [string, () => void][] = [
    ["Sort ascending", () => sort([name])],
    ["Sort descending", () => sort([`-${name}`])],
    [view.facets.includes(name) ? "Close facet" : "Facet", facet],
    ["Figures", figures],
  ];
  return html`
    <${Menu} x=${x} y=${y} label="Menu of ${name}" close=${close}
      entries=${[
        ...(type === "json" ? [] : sortable),
        ...(field === ID ? [] : [["Hide", hide]]),
      ]} />
  `;
}

/** Which fields are faceted, and which columns are shown. */
function FacetMenu({ schema, view, facet, go }: {
  schema: Schema;
  view: View;
  facet: (field: Field) => void;
  go: (view: View) => void;
}) {
  const [menu, setMenu] = useState<{ x: number; y: number; kind: "facets" | "columns" }>();
  const show = (kind: "facets" | "columns") => (event: MouseEvent) => {
    const { left: x, bottom: y } = (event.currentTarget as Element).getBoundingClientRect();
    setMenu({ x, y, kind });
  };
  const all = schema.fields.map(({ name }) => name);
  const select = view.select ?? all;
  const mark = (is: boolean, name: string) => `${is ? "✓" : "\u2002"} ${name}`;
  const toggled = (name: string) => {
    const next = all.filter((one) => select.includes(one) !== (one === name));
    return next.length === all.length ? undefined : next;
  };
  const entries = menu?.kind === "facets"
    ? schema.fields.filter(({ type }) => type !== "json" && type !== "bytes")
      .map((field) => [mark(view.facets.includes(field.name), field.name), () => facet(field)])
    : [
      ...(view.select ? [["Show all", () => go({ ...view, select: undefined })]] : []),
      ...all.map((name) => [
        mark(select.includes(name), name),
        () => go({ ...view, select: toggled(name) }),
      ]),
    ];
  return html`<button onClick=${show("facets")}>Facets</button>
    <button onClick=${show("columns")}>Columns${
    view.select ? ` ${select.length}/${all.length}` : ""
  }</button>
    ${
    menu && html`
      <${Menu} ...${menu} label=${menu.kind} entries=${entries}
        close=${() => setMenu(undefined)} />
    `
  }`;
}
