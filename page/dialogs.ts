/**
 * Dialogs: over the page, closed with Escape.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { login, messageOf } from "./api.ts";
import { html, typed } from "./html.ts";
import { type Field, ID, type Row, type Schema, type Value } from "./types.ts";
import { shownText } from "./values.ts";

/** A dialog. */
export function Dialog({ title, close, children, wide }: {
  title: string;
  close: () => void;
  children?: ComponentChildren;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  // At once: the next key is meant for the dialog.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    ref.current!.showModal();
    ref.current!.querySelector<HTMLElement>("[data-first]")?.focus();
    // Once the dialog is gone: until then nothing else takes the focus.
    return () => queueMicrotask(() => before?.focus());
  }, []);
  return html`
    <dialog ref=${ref} class=${wide ? "wide" : ""} aria-label=${title}
      onClose=${close}
      onKeyDown=${(event: KeyboardEvent) => event.stopPropagation()}>
        <header><h2>${title}</h2>
          <button class="plain" aria-label="Close" onClick=${close}>✕</button></header>
        ${children}
      </dialog>
  `;
}

/** An error, next to what caused it. */
export function Problem({ text }: { text: string | undefined }) {
  return text ? html`<p class="problem" role="alert">${text}</p>` : null;
}

/** A button that does something which may fail; the error stands above it. */
export function Doing({ label, run, kind = "main", more }: {
  label: string;
  run: () => Promise<void>;
  kind?: string;
  more?: ComponentChildren;
}) {
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const click = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await run();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return html`
    <${Problem} text=${problem} />
    <footer>${more}<button class=${kind} disabled=${busy} onClick=${click}>${label}</button></footer>
  `;
}

/** A value among text. */
export function Shown({ field, value }: { field: Field; value: Value | undefined }) {
  if (value === null || value === undefined) return html`<i class="null">null</i>`;
  if (value === "") return html`<i class="null">empty text</i>`;
  return html`<span>${shownText(field, value)}</span>`;
}

/** Asks before rows are deleted. */
export function DeleteDialog({ schema, rows, run, close }: {
  schema: Schema;
  rows: readonly Row[];
  run: () => Promise<void>;
  close: () => void;
}) {
  const [row] = rows;
  const title = rows.length === 1 ? `Delete row ${row!.__id__}?` : `Delete ${rows.length} rows?`;
  return html`<${Dialog} title=${title} close=${close}>
    ${
    rows.length === 1 && html`<dl>${
      schema.fields.slice(0, 8).map((field) =>
        html`
          <dt>${field.name}</dt>
          <dd>
            <${Shown} field=${field} value=${row![field.name]} />
          </dd>
        `
      )
    }</dl>`
  }
    <p>This cannot be undone.</p>
    <${Doing} label="Delete" kind="danger" run=${run}
      more=${html`<button data-first onClick=${close}>Cancel</button>`} />
  </${Dialog}>`;
}

/** A change that somebody else was faster with. */
export interface Conflict {
  readonly field: Field;
  readonly before: Row;
  readonly mine: Value;
  /** The row as it is now; null if it was deleted. */
  readonly theirs: Row | null;
}

/** Shows both changes, and lets choose. */
export function ConflictDialog({ conflict, keep, take, close }: {
  conflict: Conflict;
  keep: () => Promise<void>;
  take: () => void;
  close: () => void;
}) {
  const { field, before, mine, theirs } = conflict;
  const others = Object.keys(before).filter((name) =>
    theirs !== null && !name.startsWith("__") && name !== field.name &&
    JSON.stringify(theirs[name]) !== JSON.stringify(before[name])
  );
  const line = (label: string, value: Value | undefined) =>
    html`
      <tr>
        <th scope="row">${label}</th>
        <td>
          <${Shown} field=${field} value=${value} />
        </td>
      </tr>
    `;
  return html`<${Dialog} title="Somebody else changed row ${before.__id__}" close=${close}>
    <p>Your change of <b>${field.name}</b> was not saved.</p>
    <table class="values"><tbody>
      ${line("mine", mine)}
      ${
    theirs ? line("theirs", theirs[field.name]) : html`
      <tr>
        <th scope="row">theirs</th>
        <td><i>the row was deleted</i></td>
      </tr>
    `
  }
      ${line("before", before[field.name])}
    </tbody></table>
    ${
    others.length > 0 && html`
      <p>They changed ${others.join(", ")} as well.</p>
    `
  }
    ${
    theirs
      ? html`
        <${Doing} label="Keep mine" run=${keep}
          more=${html`<button data-first onClick=${take}>Take theirs</button>`} />
      `
      : html`<footer><button class="main" data-first onClick=${take}>Take theirs</button></footer>`
  }
  </${Dialog}>`;
}

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["/", "filter"],
  ["← ↑ → ↓", "move; with Shift select"],
  ["PgUp PgDn Home End", "move a page, or to the first or last column"],
  ["Ctrl Home, Ctrl End", "first cell, last cell"],
  ["↑ in the first row", "the names of the columns: Enter sorts, m opens the menu"],
  ["=  !", "filter for this value; for all others"],
  ["Enter, F2", "edit"],
  ["Esc", "leave"],
  ["Ctrl 0", "set null"],
  ["Ctrl C, Ctrl V", "copy; paste rows of a spreadsheet"],
  ["Ctrl Z", "take the last edit back"],
  ["n", "new row"],
  ["l", "go to the row of a link"],
  ["Shift Delete", "delete the selected rows"],
  ["r", "refresh"],
  ["i", "schema, plan, figures of the table, check"],
  ["t", "dark, light"],
  ["?", "this list"],
];

/** The keys. */
export function KeysDialog({ close }: { close: () => void }) {
  return html`
    <${Dialog} title="Keys" close=${close}>
      <dl class="keys">${KEYS.map(([keys, does]) =>
        html`
          <dt><kbd>${keys}</kbd></dt>
          <dd>${does}</dd>
        `
      )}</dl>
      </${Dialog}>
  `;
}

/** Asks for the token. */
export function LoginDialog({ done, close }: { done: () => void; close: () => void }) {
  const [token, setToken] = useState("");
  const run = async () => {
    await login(token.trim().replace(/^.*#t=/, ""));
    done();
  };
  return html`
    <${Dialog} title="This server asks for a token" close=${close}>
      <p>The command that serves these tables printed an address with it.</p>
      <label>Token or address <input data-first type="password" autocomplete="off" value=${token}
          onInput=${(event: Event) => setToken(typed(event))} /></label>
      <${Doing} label="Open" run=${run} />
      </${Dialog}>
  `;
}

/** Cells of text as a spreadsheet copies them. */
export function parseTsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"(?=[\t\r\n]|$)|([^\t\r\n]*))(\t|\r\n|\r|\n|$)/y;
  while (cell.lastIndex < text.length) {
    const [, quoted, plain, end] = cell.exec(text)!;
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === "\t" && cell.lastIndex === text.length) rows.at(-1)!.push("");
    else if (end !== "\t" && cell.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

/** Cells as a spreadsheet takes them. */
export function tsvOf(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => /["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return rows.map((row) => row.map(cell).join("\t")).join("\n");
}

/** Rows to be inserted, before they are. */
export function PasteDialog({ fields, cells, parse, insert, close }: {
  /** The fields of the columns, in the order of the cells. */
  fields: readonly Field[];
  cells: readonly (readonly string[])[];
  parse: (field: Field, text: string) => Value;
  insert: (rows: Record<string, Value>[]) => Promise<void>;
  close: () => void;
}) {
  const problems: string[] = [];
  const rows = cells.map((row, i) => {
    if (row.length > fields.length) {
      problems.push(`row ${i + 1}: it has ${row.length} cells, there are ${fields.length} fields`);
    }
    return Object.fromEntries(
      fields.slice(0, row.length).filter(({ name }) => name !== ID.name).map((field) => {
        const text = row[fields.indexOf(field)]!;
        try {
          return [field.name, text === "" ? null : parse(field, text)];
        } catch (error) {
          problems.push(`row ${i + 1}, field "${field.name}": ${messageOf(error)}`);
          return [field.name, null];
        }
      }),
    );
  });
  const many = rows.length === 1 ? "1 row" : `${rows.length} rows`;
  return html`<${Dialog} title="Insert ${many}?" close=${close} wide>
    <div class="scroll"><table class="values"><thead><tr>
      ${fields.map(({ name }) => html`<th>${name}</th>`)}</tr></thead><tbody>
      ${
    rows.slice(0, 10).map((row) =>
      html`<tr>${
        fields.map((field) =>
          html`
            <td>
              <${Shown} field=${field} value=${row[field.name]} />
            </td>
          `
        )
      }</tr>`
    )
  }</tbody></table></div>
    ${rows.length > 10 && html`<p>and ${rows.length - 10} more</p>`}
    <p>Empty cells are null.</p>
    ${problems.slice(0, 5).map((text) => html`<${Problem} text=${text} />`)}
    ${
    problems.length === 0 &&
    html`
      <${Doing} label="Insert ${many}" run=${() => insert(rows)}
        more=${html`<button data-first onClick=${close}>Cancel</button>`} />
    `
  }
  </${Dialog}>`;
}
