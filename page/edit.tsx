/** @jsxImportSource preact */
/**
 * Editing: the editor of a cell, the form for a new row, the preview of pasted rows, and what to do
 * when somebody else was faster.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError, ask, get, pathOf } from "./api.ts";
import type { Field, Row } from "./types.ts";
import { Alert, Dialog } from "./dialog.tsx";
import { cellsOfTsv, jsonOf, sizeOf, textOf } from "./values.ts";

/** Longer texts, and those with line breaks, are edited in a dialog. */
const LONG = 80;

/** What went wrong, as text. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes a value; throws if the server refuses. */
export async function save(table: string, row: Row, field: Field, value: unknown): Promise<Row> {
  const answer = await ask(pathOf(table, String(row.__id__)), {
    method: "PATCH",
    body: { [field.name]: value },
    headers: { "if-match": `"${row.__version__}"` },
  });
  return await answer.json();
}

/** Rows of another table, to choose from for a link. */
function useChoices(field: Field, tables: readonly string[], text: string | null): Row[] {
  const [choices, setChoices] = useState<Row[]>([]);
  const { link } = field;
  useEffect(() => {
    if (link === undefined || !tables.includes(link)) return;
    const controller = new AbortController();
    const query = text !== null && /^\d+$/.test(text) ? `__id__=gte.${text}&` : "";
    get<Row[]>(`${pathOf(link)}?${query}limit=8`, controller.signal)
      .then(setChoices, () => setChoices([]));
    return () => controller.abort();
  }, [link, text]);
  return choices;
}

/** An input for a value of a field. Null is not empty text: it is a state of its own. */
export function ValueInput(
  { field, text, tables, autoFocus, onText, onKeyDown }: {
    field: Field;
    text: string | null;
    tables: readonly string[];
    autoFocus?: boolean;
    onText: (text: string | null) => void;
    onKeyDown?: (event: KeyboardEvent) => void;
  },
): JSX.Element {
  const ref = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  // Before the next key is pressed.
  useLayoutEffect(() => {
    if (!autoFocus) return;
    ref.current!.focus();
    ref.current!.select();
  }, []);
  const choices = useChoices(field, tables, text);
  const list = `choices-${field.name}`;
  const isLong = field.type === "json" || (text ?? "").length > LONG || /\n/.test(text ?? "");
  const shared = {
    value: text ?? "",
    autofocus: autoFocus ?? false,
    placeholder: text === null ? "null" : "",
    "aria-label": field.name,
    onInput: (event: Event) => onText((event.currentTarget as HTMLInputElement).value),
    ...(onKeyDown !== undefined && { onKeyDown }),
  };
  return (
    <span class="value">
      {isLong
        ? (
          <textarea
            ref={ref}
            rows={Math.min(16, Math.ceil((text ?? "").length / 60) + 2)}
            {...shared}
          />
        )
        : <input ref={ref} list={choices.length > 0 ? list : undefined} {...shared} />}
      {choices.length > 0 && (
        <datalist id={list}>
          {choices.map((row) => {
            const { __id__: id, __version__: _, ...values } = row;
            const told = Object.values(values).filter((value) => value !== null).slice(0, 3);
            return <option key={id} value={String(id)}>{told.map(String).join(", ")}</option>;
          })}
        </datalist>
      )}
      {!field.required && (
        <button
          type="button"
          class="plain"
          tabIndex={-1}
          aria-pressed={text === null}
          title="Set to null (Ctrl-Delete)"
          onMouseDown={(event) => {
            event.preventDefault();
            onText(null);
          }}
        >
          null
        </button>
      )}
    </span>
  );
}

/** The editor in a cell, or in a dialog if the value is long. */
export function CellEditor(
  { row, field, start, table, tables, onDone, onConflict, onCancel }: {
    row: Row;
    field: Field;
    start: string | undefined;
    table: string;
    tables: readonly string[];
    onDone: (row: Row) => void;
    onConflict: (conflict: Conflict) => void;
    onCancel: () => void;
  },
): JSX.Element {
  const before = textOf(field.type, row[field.name]);
  const [text, setText] = useState<string | null>(start ?? before);
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isLong = field.type === "json" || field.type === "bytes" || (before ?? "").length > LONG ||
    /\n/.test(before ?? "");
  const commit = async () => {
    if (text === before) return onCancel();
    setBusy(true);
    try {
      const value = jsonOf(field, text);
      onDone(await save(table, row, field, value));
    } catch (error) {
      const problem = error instanceof ApiError ? error.problem : undefined;
      if (problem?.status === 412 && problem.row !== undefined) {
        return onConflict({ field, mine: text, before: row, theirs: problem.row });
      }
      setError(reasonOf(error));
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (isBusy) return event.preventDefault();
    const isPlainEnter = event.key === "Enter" && !event.shiftKey &&
      (!isLong || event.ctrlKey || event.metaKey);
    if (isPlainEnter) void commit();
    else if (event.key === "Escape") onCancel();
    else if (event.key === "Delete" && event.ctrlKey) setText(null);
    else return;
    event.preventDefault();
  };
  const input = (
    <ValueInput
      field={field}
      text={text}
      tables={tables}
      autoFocus
      onText={setText}
      onKeyDown={onKeyDown}
    />
  );
  if (!isLong) {
    return (
      <span class="editor" aria-busy={isBusy}>
        {input}
        {error !== "" && <Alert>{error}</Alert>}
      </span>
    );
  }
  return (
    <Dialog title={`${field.name} of row ${row.__id__}`} onClose={onCancel} wide>
      {field.type === "bytes" && before !== null && (
        <p>
          {sizeOf(before)} bytes.{" "}
          <a
            download={`${table}-${row.__id__}-${field.name}`}
            href={`data:application/octet-stream;base64,${before}`}
          >
            Download
          </a>
        </p>
      )}
      {input}
      {error !== "" && <Alert>{error}</Alert>}
      <footer>
        <button type="button" onClick={onCancel}>Cancel</button>
        <button type="button" class="main" disabled={isBusy} onClick={commit}>
          Save (Ctrl-Enter)
        </button>
      </footer>
    </Dialog>
  );
}

/** A value that somebody else changed meanwhile. */
export interface Conflict {
  readonly field: Field;
  readonly mine: string | null;
  readonly before: Row;
  /** The row as it is now; none if it was deleted. */
  readonly theirs: Row | null;
}

/** Asks which value shall stay. */
export function ConflictDialog(
  { conflict, table, onDone, onCancel }: {
    conflict: Conflict;
    table: string;
    onDone: (row: Row) => void;
    onCancel: () => void;
  },
): JSX.Element {
  const { field, mine, before, theirs } = conflict;
  const [error, setError] = useState("");
  const value = (text: string | null) => (
    <code class={text === null ? "null" : ""}>{text ?? "null"}</code>
  );
  const overwrite = async () => {
    try {
      onDone(await save(table, theirs!, field, jsonOf(field, mine)));
    } catch (error) {
      setError(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Somebody changed row ${before.__id__}`} onClose={onCancel}>
      {theirs === null
        ? <p>The row was deleted meanwhile. Your value cannot be saved.</p>
        : (
          <table class="facts">
            <tbody>
              <tr>
                <th>Before</th>
                <td>{value(textOf(field.type, before[field.name]))}</td>
              </tr>
              <tr>
                <th>Theirs</th>
                <td>{value(textOf(field.type, theirs[field.name]))}</td>
              </tr>
              <tr>
                <th>Mine</th>
                <td>{value(mine)}</td>
              </tr>
            </tbody>
          </table>
        )}
      {error !== "" && <Alert>{error}</Alert>}
      <footer>
        <button
          type="button"
          class="main"
          onClick={() => theirs === null ? onCancel() : onDone(theirs)}
        >
          {theirs === null ? "Close" : "Keep theirs"}
        </button>
        {theirs !== null && <button type="button" onClick={overwrite}>Save mine</button>}
      </footer>
    </Dialog>
  );
}

/** The form for a new row. A field that nobody touches gets its default. */
export function NewRow(
  { table, fields, tables, onDone, onCancel }: {
    table: string;
    fields: readonly Field[];
    tables: readonly string[];
    onDone: (id: number) => void;
    onCancel: () => void;
  },
): JSX.Element {
  const [texts, setTexts] = useState<Record<string, string | null>>({});
  const [error, setError] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const values = Object.fromEntries(
        fields.filter(({ name }) => name in texts).map((field) => [
          field.name,
          jsonOf(field, texts[field.name]!),
        ]),
      );
      const answer = await ask(pathOf(table), {
        method: "POST",
        body: values,
        headers: { "idempotency-key": crypto.randomUUID() },
      });
      onDone((await answer.json()).ids[0]);
    } catch (error) {
      setError(reasonOf(error));
    }
  };
  return (
    <Dialog title={`New row of ${table}`} onClose={onCancel} wide>
      <form onSubmit={submit}>
        <div class="fields">
          {fields.map((field, i) => (
            <label key={field.name}>
              <span>
                {field.name}
                <small>{field.type}{field.required ? ", required" : ""}</small>
              </span>
              <ValueInput
                field={field}
                tables={tables}
                autoFocus={i === 0}
                text={field.name in texts ? texts[field.name]! : textOf(field.type, field.default)}
                onText={(text) => setTexts((texts) => ({ ...texts, [field.name]: text }))}
              />
            </label>
          ))}
        </div>
        {error !== "" && <Alert>{error}</Alert>}
        <footer>
          <button type="button" onClick={onCancel}>Cancel</button>
          <button type="submit" class="main">Insert</button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Rows that were pasted, to be looked at before they are inserted. */
export function PasteDialog(
  { table, columns, text, onDone, onCancel }: {
    table: string;
    columns: readonly Field[];
    text: string;
    onDone: (count: number) => void;
    onCancel: () => void;
  },
): JSX.Element {
  const cells = cellsOfTsv(text);
  const names = cells[0]?.map((name) => columns.find((field) => field.name === name)) ?? [];
  const hasHeader = names.length > 0 && names.every((field) => field !== undefined);
  const used = hasHeader ? names as Field[] : columns.slice(0, cells[0]?.length ?? 0);
  const lines = hasHeader ? cells.slice(1) : cells;
  const [error, setError] = useState("");
  const insert = async () => {
    try {
      const rows = lines.map((line, i) => {
        if (line.length > used.length) throw new Error(`line ${i + 1} has ${line.length} cells`);
        return Object.fromEntries(line.map((cell, k) => {
          try {
            return [used[k]!.name, jsonOf(used[k]!, cell === "" ? null : cell)];
          } catch (error) {
            throw new Error(`line ${i + 1}: ${reasonOf(error)}`);
          }
        }));
      });
      const headers = { "idempotency-key": crypto.randomUUID() };
      await ask(pathOf(table), { method: "POST", body: rows, headers });
      onDone(rows.length);
    } catch (error) {
      setError(reasonOf(error));
    }
  };
  return (
    <Dialog
      title={`Insert ${lines.length} pasted ${lines.length === 1 ? "row" : "rows"}?`}
      onClose={onCancel}
      wide
    >
      <div class="preview">
        <table>
          <thead>
            <tr>{used.map(({ name }) => <th key={name}>{name}</th>)}</tr>
          </thead>
          <tbody>
            {lines.slice(0, 8).map((line, i) => (
              <tr key={i}>
                {line.map((cell, k) => <td key={k}>{cell === "" ? <i>null</i> : cell}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
        {lines.length > 8 && <p>… and {lines.length - 8} more</p>}
      </div>
      {error !== "" && <Alert>{error}</Alert>}
      <footer>
        <button type="button" onClick={onCancel}>Cancel</button>
        <button type="button" class="main" autofocus onClick={insert}>Insert</button>
      </footer>
    </Dialog>
  );
}

/** Asks before a row is deleted. */
export function DeleteDialog(
  { table, row, onDone, onCancel }: {
    table: string;
    row: Row;
    onDone: () => void;
    onCancel: () => void;
  },
): JSX.Element {
  const [error, setError] = useState("");
  const remove = async () => {
    try {
      await ask(pathOf(table, String(row.__id__)), {
        method: "DELETE",
        headers: { "if-match": `"${row.__version__}"` },
      });
      onDone();
    } catch (error) {
      setError(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Delete row ${row.__id__}?`} onClose={onCancel}>
      <p>
        {Object.entries(row).slice(2, 6).map(([name, value]) => `${name}: ${value}`).join(", ")}
      </p>
      {error !== "" && <Alert>{error}</Alert>}
      <footer>
        <button type="button" onClick={onCancel}>Cancel</button>
        <button type="button" class="main danger" autofocus onClick={remove}>Delete</button>
      </footer>
    </Dialog>
  );
}
