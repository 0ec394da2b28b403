/**
 * Editing values by type. Null is not the empty text: the draft of a value is its text, or null.
 *
 * @module
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { at, messageOf } from "./api.ts";
import { Dialog, Doing, Problem } from "./dialogs.ts";
import { html, typed } from "./html.ts";
import type { Field, Row, Schema, Table, Value } from "./types.ts";
import { bytesText, exampleOf, parseValue, sizeOf, textOf } from "./values.ts";
import { parameterOf, query } from "./view_state.ts";

/** The text of a value that is being edited. */
export type Draft = string | null;

/** The draft of a value. */
export function draftOf(field: Field, value: Value | undefined): Draft {
  if (value === null || value === undefined) return null;
  return field.type === "json" ? JSON.stringify(value, null, 2) : textOf(field, value);
}

/** The value of a draft; throws an error that says what is expected. */
export function valueOf(field: Field, draft: Draft): Value {
  if (draft === null) {
    if (field.required) throw new SyntaxError("a value is required, null is none");
    return null;
  }
  // An empty text is a value of text only.
  if (draft === "" && field.type !== "string" && field.type !== "bytes") {
    throw new SyntaxError(`${exampleOf(field.type)} is expected, or null`);
  }
  return parseValue(field, draft);
}

/** Whether a value is edited in a dialog: its text is long, or not one line. */
export function needsDialog(field: Field, value: Value | undefined): boolean {
  if (field.type === "json" || field.type === "bytes" || field.link !== undefined) return true;
  return typeof value === "string" && (value.length > 120 || /[\r\n]/.test(value));
}

/** An editor inside a cell. */
export function CellEditor({ field, value, begin, save, leave }: {
  field: Field;
  value: Value | undefined;
  /** The text to begin with instead of the value. */
  begin: string | undefined;
  save: (value: Value, then: "down" | "right" | "stay") => Promise<void>;
  leave: () => void;
}) {
  const before = draftOf(field, value);
  const [draft, setDraft] = useState<Draft>(begin ?? before);
  const [problem, setProblem] = useState<string>();
  const input = useRef<HTMLInputElement>(null);
  const busy = useRef(false);
  useLayoutEffect(() => {
    input.current!.focus();
    if (begin === undefined) input.current!.select();
  }, []);
  const commit = async (to: Draft, then: "down" | "right" | "stay") => {
    if (busy.current) return;
    if (to === before) return leave();
    busy.current = true;
    try {
      await save(valueOf(field, to), then);
    } catch (error) {
      setProblem(messageOf(error));
      input.current?.focus();
    }
    busy.current = false;
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter") void commit(draft, "down");
    else if (event.key === "Tab") void commit(draft, "right");
    else if (event.ctrlKey && event.key === "0") setDraft(null);
    else return;
    event.preventDefault();
  };
  const list = field.type === "boolean" ? "truth" : undefined;
  return html`<div class="editor">
    <input ref=${input} value=${draft ?? ""} placeholder=${draft === null ? "null" : "empty text"}
      aria-label=${field.name} aria-invalid=${
    problem !== undefined
  } list=${list} spellcheck=${false}
      onInput=${(event: Event) => {
    setDraft(typed(event));
    setProblem(undefined);
  }} onKeyDown=${key}
      onBlur=${() => problem === undefined && document.hasFocus() && commit(draft, "stay")} />
    ${
    list && html`
      <datalist id="truth">
        <option value="true" />
        <option value="false" />
      </datalist>
    `
  }
    ${
    !field.required &&
    html`
      <button class="plain" title="Set null (Ctrl 0)" tabindex=${-1}
        onMouseDown=${(
          event: Event,
        ) => (event.preventDefault(), void commit(null, "stay"))}>∅</button>
    `
  }
    ${problem && html`<div class="bubble" role="alert">${problem}</div>`}
  </div>`;
}

/** What edits a draft. */
interface InputProps {
  readonly field: Field;
  readonly draft: Draft;
  readonly set: (draft: Draft) => void;
  readonly tables: readonly Table[];
  readonly first?: boolean;
}

/** An input for a value, by its type. */
export function ValueInput({ field, draft, set, tables, first }: InputProps) {
  const [tall, setTall] = useState(
    field.type === "json" || (draft !== null && (draft.length > 60 || draft.includes("\n"))),
  );
  const common = {
    "aria-label": field.name,
    value: draft ?? "",
    spellcheck: false,
    placeholder: draft !== null
      ? field.type === "string" ? "empty text" : ""
      : field.required
      ? ""
      : "null",
    onInput: (event: Event) => set(typed(event)),
    ...(first ? { "data-first": true } : {}),
  };
  const isServed = field.link !== undefined && tables.some(({ name }) => name === field.link);
  return html`<div class="value">
    ${
    field.type === "boolean"
      ? html`<select ...${common} value=${draft ?? "null"} onInput=${(event: Event) =>
        set(typed(event) === "null" ? null : typed(event))}>
        ${["true", "false", "null"].map((text) => html`<option value=${text}>${text}</option>`)}
      </select>`
      : field.type === "bytes"
      ? html`<${BytesInput} ...${{ field, draft, set }} common=${common} />`
      : tall
      ? html`<textarea ...${common} rows=${8} />`
      : html`<input ...${common} />`
  }
    ${
    isServed && html`<${LinkSearch} table=${field.link} pick=${(id: number) => set(String(id))} />`
  }
    <span class="tools">
      ${
    field.type === "string" && !tall &&
    html`<button class="plain" title="More lines" onClick=${() => setTall(true)}>…</button>`
  }
      ${
    !field.required && field.type !== "boolean" &&
    html`
      <button class="plain" title="Set null" aria-pressed=${draft === null}
        onClick=${() => set(draft === null ? "" : null)}>∅ null</button>
    `
  }
    </span>
  </div>`;
}

/** Bytes as base64, from a file and to one. */
function BytesInput({ field, draft, set, common }: {
  field: Field;
  draft: Draft;
  set: (draft: Draft) => void;
  common: Record<string, unknown>;
}) {
  const load = async (event: Event) => {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (file === undefined) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let i = 0; i < bytes.length; i += 3000) {
      text += btoa(String.fromCharCode(...bytes.subarray(i, i + 3000)));
    }
    set(text);
  };
  return html`
    <div>
      <textarea ...${common} rows=${4} />
      <p>${draft === null ? "" : `${bytesText(sizeOf(draft))}, as base64 `}
          <label class="button">From a file<input type="file" hidden onChange=${load} /></label>
          ${draft !== null &&
            html`<button onClick=${() => download(field.name, draft)}>Download</button>`}</p>
    </div>
  `;
}

/** Saves bytes as a file. */
export function download(name: string, base64: string): void {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Finds a row of another table by a text in it. */
function LinkSearch({ table, pick }: { table: string; pick: (id: number) => void }) {
  const [text, setText] = useState("");
  const [schema, hidden] = useAnswer<Schema>(at(table, "~schema"));
  const pattern = text.replaceAll(/[\\^$.*+?()[\]{}|\/]/g, "\\$&");
  const found = (schema?.fields ?? []).filter(({ type }) => type === "string").map(({ name }) =>
    `${parameterOf(name)}.imatch."${pattern.replaceAll(/["\\]/g, "\\$&")}"`
  );
  if (/^\d+$/.test(text)) found.push(`__id__.eq.${text}`);
  const where = text === "" || found.length === 0 ? [] : [["or", `(${found.join()})`] as const];
  const [rows, refused] = useAnswer<Row[]>(
    schema ? at(table) + query([...where, ["limit", 8]]) : "",
  );
  const shown = schema?.fields.filter(({ type }) => type !== "bytes").slice(0, 3) ?? [];
  return html`
    <div class="links">
      <input type="search" placeholder="Search ${table}" aria-label="Search ${table}"
        value=${text}
        onInput=${(event: Event) => setText(typed(event))} />
      <${Problem} text=${hidden ?? refused} />
      <ul>${rows?.map((row) =>
        html`<li><button class="plain" onClick=${() => pick(row.__id__)}>
        <b>${row.__id__}</b> ${
          shown.map((field) => textOf(field, row[field.name]).slice(0, 60)).join(" · ")
        }</button></li>`
      )}</ul>
    </div>
  `;
}

/** Edits a value in a dialog. */
export function ValueDialog({ field, value, write, tables, save, close }: {
  field: Field;
  value: Value | undefined;
  write: boolean;
  tables: readonly Table[];
  save: (value: Value) => Promise<void>;
  close: () => void;
}) {
  const [draft, setDraft] = useState<Draft>(draftOf(field, value));
  return html`<${Dialog} title=${field.name} close=${close} wide>
    <${ValueInput} field=${field} draft=${draft} set=${write ? setDraft : () => {}}
      tables=${write ? tables : []} first />
    ${
    write &&
    html`
      <${Doing} label="Save" run=${async () => await save(valueOf(field, draft))}
        more=${html`<small>${exampleOf(field.type)}</small>`} />
    `
  }
  </${Dialog}>`;
}

/** A form for a new row. A field that is left alone gets its default. */
export function NewRowDialog({ schema, tables, insert, close }: {
  schema: Schema;
  tables: readonly Table[];
  insert: (row: Record<string, Value>) => Promise<void>;
  close: () => void;
}) {
  const [drafts, setDrafts] = useState<Readonly<Record<string, Draft>>>({});
  const run = async () => {
    const row: Record<string, Value> = {};
    for (const field of schema.fields) {
      if (!Object.hasOwn(drafts, field.name)) continue;
      try {
        row[field.name] = valueOf(field, drafts[field.name]!);
      } catch (error) {
        throw new SyntaxError(`field "${field.name}": ${messageOf(error)}`);
      }
    }
    await insert(row);
  };
  return html`
    <${Dialog} title="New row of ${schema.name}" close=${close} wide>
      <form class="fields" onSubmit=${(event: Event) => event.preventDefault()}>${schema.fields.map(
        (field, i) =>
          html`
            <div class="field">
              <div>${field.name}${field.required && html`<b title="required"> *</b>`}
                    <small>${field.type}${field.default !== null &&
                      `, else ${textOf(field, field.default)}`}
                    </small></div>
              <${ValueInput} field=${field} tables=${tables} first=${i === 0}
                draft=${Object.hasOwn(drafts, field.name)
                  ? drafts[field.name]
                  : draftOf(field, field.default)}
                set=${(draft: Draft) => setDrafts((all) => ({ ...all, [field.name]: draft }))} />
            </div>
          `,
      )}</form>
      <${Doing} label="Insert" run=${run} />
      </${Dialog}>
  `;
}
