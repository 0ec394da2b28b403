/**
 * The filter box, with completion of fields and values, and the conditions that hold as chips.
 *
 * @module
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, at, messageOf } from "./api.ts";
import { cellText, type Chip, chipsOf, commandOf, parseLine, programOf } from "./filter.ts";
import { html, typed } from "./html.ts";
import { fieldNamed, ID, type Schema, type Value } from "./types.ts";
import { textOf, visible } from "./values.ts";
import { type Condition, parameterOf, query, rowParameters, type View } from "./view_state.ts";

/** A completion: what the word becomes, and what is said of it. */
interface Proposal {
  readonly word: string;
  readonly label: string;
  readonly told: string;
}

/** The word at the end of a line, from where it begins. */
function lastWord(line: string): [from: number, word: string] {
  const from = /(?:"(?:[^"]|"")*"?|'[^']*'?|[^\s"'])*$/.exec(line)!.index;
  return [from, line.slice(from)];
}

async function proposalsFor(
  word: string,
  schema: Schema,
  view: View,
  signal: AbortSignal,
): Promise<Proposal[]> {
  const [, name, sign, begun] = /^(\w+|[\p{ID_Start}_][\p{ID_Continue}]*)(!?=)"?([^",]*)$/u
    .exec(word) ?? [];
  if (name === undefined) {
    if (word === "" || /[=<>~!]/.test(word)) return [];
    const low = word.toLowerCase();
    return [...schema.fields, ID].filter((field) => field.name.toLowerCase().includes(low))
      .sort((a, b) => a.name.toLowerCase().indexOf(low) - b.name.toLowerCase().indexOf(low)).slice(
        0,
        8,
      ).map((field) => ({ word: `${field.name}=`, label: field.name, told: field.type }));
  }
  const field = fieldNamed(schema, name);
  if (field === undefined || field.type === "json" || field.type === "bytes") return [];
  const of = parameterOf(name);
  const like: Condition[] = begun === "" || field.type !== "string"
    ? []
    : [[of, `imatch.^${begun!.replaceAll(/[\\^$.*+?()[\]{}|\/]/g, "\\$&")}`]];
  const parameters = [["by", name], ["figures", "n:count"], ["order", "-n"]] as const;
  const { data } = await ask<{ groups: Record<string, Value>[] }>(
    at(schema.name, "~group") +
      query([...view.where, ...like, ...parameters, ["limit", field.type === "string" ? 8 : 200]]),
    { signal },
  );
  return data.groups.map((group) => ({
    text: group[name] === null ? null : textOf(field, group[name]),
    n: String(group.n),
  })).filter(({ text }) => like.length > 0 || (text ?? "null").startsWith(begun!)).slice(0, 8)
    .map(({ text, n }) => ({
      word: `${name}${sign}${text === null ? "null" : cellText(text)}`,
      label: text === null ? "null" : visible(text).slice(0, 80) || "empty text",
      told: n,
    }));
}

/** The filter box. */
export function FilterBox({ schema, view, go, problem }: {
  schema: Schema;
  view: View;
  go: (view: View) => void;
  /** Why the server refused the conditions. */
  problem: string | undefined;
}) {
  const [line, setLine] = useState("");
  const [wrong, setWrong] = useState<string>();
  const [proposals, setProposals] = useState<readonly Proposal[]>([]);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const [from, word] = lastWord(line);
  useLayoutEffect(() => {
    if (word === "") return setProposals([]);
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(2000)]);
    const timer = setTimeout(() => {
      // A completion that cannot be had is no loss: the line is checked when it is entered.
      proposalsFor(word, schema, view, signal).catch(() => []).then((found) => {
        if (stop.signal.aborted) return;
        setProposals(found.filter((one) => one.word !== word));
        setChosen(-1);
      });
    }, 80);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [word, schema]);
  useLayoutEffect(() => {
    setLine("");
    setWrong(undefined);
  }, [schema]);
  const put = (text: string) => {
    setLine(text);
    setWrong(undefined);
    setProposals([]);
    input.current!.focus();
  };
  const take = ({ word }: Proposal) => put(line.slice(0, from) + word);
  const enter = () => {
    try {
      go({ ...view, where: [...view.where, ...parseLine(line, schema)] });
      put("");
    } catch (error) {
      setWrong(messageOf(error));
    }
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.isComposing) return;
    const most = proposals.length;
    if (event.key === "ArrowDown" && most > 0) setChosen((chosen + 1) % most);
    else if (event.key === "ArrowUp" && most > 0) setChosen((chosen - 1 + most) % most);
    else if (event.key === "Tab" && most > 0 && !event.shiftKey) {
      take(proposals[Math.max(0, chosen)]!);
    } else if (event.key === "Enter") chosen >= 0 ? take(proposals[chosen]!) : enter();
    else if (event.key === "Escape") {
      if (most > 0) setProposals([]);
      else document.querySelector<HTMLElement>("[role=grid]")?.focus();
    } else if (event.key === "Backspace" && line === "" && view.where.length > 0) {
      edit(chipsOf(view.where).at(-1)!);
    } else return;
    event.preventDefault();
  };
  const without = (chip: Chip) => view.where.filter((one) => !chip.conditions.includes(one));
  const edit = (chip: Chip) => {
    if (chip.word === undefined) return;
    go({ ...view, where: without(chip) });
    put(chip.word);
  };
  const said = wrong ?? problem;
  return html`<div class="filter">
    <div class="box">
      <span aria-hidden="true">⌕</span>
      ${
    chipsOf(view.where).map((chip) =>
      html`
        <span
          class="chip"><button class="plain" title="Change" onClick=${() => edit(chip)}>${visible(
            chip.text,
          ).slice(0, 120)}</button><button class="plain" aria-label="Take away ${chip.text}"
                onClick=${() => (go({ ...view, where: without(chip) }),
                  input.current!.focus())}>✕</button></span>
      `
    )
  }
      <input id="filter" ref=${input} role="combobox" aria-expanded=${proposals.length > 0}
        aria-controls="proposals" aria-autocomplete="list" aria-invalid=${said !== undefined}
        aria-activedescendant=${chosen >= 0 ? `proposal-${chosen}` : undefined}
        aria-label="Filter" autocomplete="off" spellcheck=${false} value=${line}
        placeholder=${view.where.length > 0 ? "" : "Filter: age=30..40 name~^ho team=a,b   ( / )"}
        onInput=${(event: Event) => {
    setLine(typed(event));
    setWrong(undefined);
  }}
        onKeyDown=${key} onBlur=${() => setProposals([])} />
      ${
    view.where.length > 0 &&
    html`
      <button class="plain" title="Take all conditions away"
        onClick=${() => go({ ...view, where: [] })}>clear</button>
    `
  }
    </div>
    ${
    proposals.length > 0 &&
    html`<ul id="proposals" role="listbox">${
      proposals.map((one, i) =>
        html`
          <li role="option" id="proposal-${i}" aria-selected=${i === chosen}
            onMouseDown=${(event: Event) => (event.preventDefault(), take(one))}>
                    <span>${one.label}</span><small>${one.told}</small></li>
        `
      )
    }</ul>`
  }
    ${said && html`<div class="problem" role="alert">${said}</div>`}
  </div>`;
}

/** Copies a text; without the permission of the browser it does so as in the old days. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** The view as a command, as TypeScript, and as files. */
export function CodeLine({ schema, view }: { schema: Schema; view: View }) {
  const [isProgram, setIsProgram] = useState(false);
  const [copied, setCopied] = useState(false);
  const code = isProgram ? programOf(view, schema) : commandOf(view);
  const file = (form: string) => `${at(view.table)}.${form}${query(rowParameters(view))}`;
  return html`
    <div class="code">
      <button class="plain" title="The other language" onClick=${() =>
        setIsProgram(!isProgram)}>${isProgram ? "TypeScript" : "Shell"}</button>
      <code title=${code}>${visible(code)}</code>
      <button class="plain" onClick=${async () => {
        await copy(code);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      }}>${copied ? "copied" : "copy"}</button>
      <a href=${file("csv")}>.csv</a>
      <a href=${file("ndjson")}>.ndjson</a>
    </div>
  `;
}
