/**
 * What a table is like: its schema, how the rows of the view are found, its figures, a check.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { at } from "./api.ts";
import { Problem } from "./dialogs.ts";
import { html } from "./html.ts";
import type { Schema, Value } from "./types.ts";
import { count, textOf } from "./values.ts";
import { query, rowParameters, type View } from "./view_state.ts";

const TABS = ["Schema", "Plan", "Stats", "Check"] as const;

/** The panel at the right. */
export function Panel({ schema, view, tick, close }: {
  schema: Schema;
  view: View;
  tick: number;
  close: () => void;
}) {
  const [tab, setTab] = useState<typeof TABS[number]>("Schema");
  const explain = rowParameters(view).filter(([name]) => name !== "select");
  const route = tab === "Plan"
    ? at(schema.name, "~explain") + query([...explain, ["limit", 50]])
    : at(schema.name, tab === "Stats" ? "~stats" : "~check");
  const step = (by: number) => setTab(TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]!);
  return html`
    <aside class="panel" aria-label="About the table">
      <header><div role="tablist" onKeyDown=${(event: KeyboardEvent) => {
        if (event.key === "ArrowRight") step(1);
        else if (event.key === "ArrowLeft") step(-1);
      }}>${TABS.map((name) =>
        html`
          <button role="tab" class="plain" aria-selected=${name === tab}
            onClick=${() => setTab(name)}>${name}</button>
        `
      )}</div><button class="plain" aria-label="Close" onClick=${close}>✕</button></header>
      <div role="tabpanel">${tab === "Schema"
        ? html`<${Fields} schema=${schema} />`
        : html`<${Facts} key=${route} route=${route} tick=${tick} />`}</div>
    </aside>
  `;
}

function Fields({ schema }: { schema: Schema }) {
  return html`
    <table class="values">
      <thead>
        <tr>
          <th>field</th>
          <th>type</th>
          <th></th>
        </tr>
      </thead>
      <tbody>${schema.fields.map((field) =>
        html`
          <tr>
            <td>${field.name}</td>
            <td>${field.type}${field.link && ` → ${field.link}`}</td>
            <td>${[
              field.required && "required",
              field.unique ? "unique" : field.index && "index",
              field.default !== null && `default ${textOf(field, field.default).slice(0, 40)}`,
            ].filter((one) => one).map((text) => html`<span class="tag">${text}</span>`)}</td>
          </tr>
        `
      )}</tbody>
    </table>
  `;
}

/** What a route tells, as a list. */
function Facts({ route, tick }: { route: string; tick: number }) {
  const [facts, problem] = useAnswer<Value>(route, tick);
  if (problem !== undefined) return html`<${Problem} text=${problem} />`;
  return facts === undefined ? html`<p>reading…</p>` : html`<${Fact} value=${facts} />`;
}

function Fact({ value }: { value: Value }) {
  if (value === null) return html`<i class="null">none</i>`;
  if (typeof value === "number") return html`<span>${count(value)}</span>`;
  if (typeof value !== "object") return html`<span>${String(value)}</span>`;
  if (Array.isArray(value)) {
    if (value.length === 0) return html`<i class="null">none</i>`;
    return html`<ul>${
      value.map((one) =>
        html`
          <li>
            <${Fact} value=${one} />
          </li>
        `
      )
    }</ul>`;
  }
  return html`<dl>${
    Object.entries(value).map(([name, one]) =>
      html`
        <dt>${name.replaceAll(/[A-Z]/g, (char) => ` ${char.toLowerCase()}`)}</dt>
        <dd>
          <${Fact} value=${one} />
        </dd>
      `
    )
  }</dl>`;
}
