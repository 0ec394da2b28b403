/**
 * Facets: the values of a field, and how many rows have each.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { useAnswer } from "./answer.ts";
import { at } from "./api.ts";
import { Problem } from "./dialogs.ts";
import { sameAs } from "./filter.ts";
import { html } from "./html.ts";
import { type Field, fieldNamed, type Schema, type Value } from "./types.ts";
import { count, textOf, visible } from "./values.ts";
import { type Condition, fieldOf, parameterOf, query, type View } from "./view_state.ts";

/** How long the values of a facet may take to be counted, in milliseconds. */
const LIMIT_MS = 4000;
const SHOWN = 12;

interface Props {
  readonly schema: Schema;
  readonly view: View;
  /** Another number: count again. */
  readonly tick: number;
  readonly go: (view: View) => void;
}

/** The facets of a view. */
export function Facets({ schema, view, tick, go }: Props) {
  const fields = view.facets.map((name) => fieldNamed(schema, name)).filter((one) => one);
  return html`<aside class="facets" aria-label="Facets">${
    fields.map((field) =>
      html`<${Facet} key=${field!.name} ...${{ field, schema, view, tick, go }} />`
    )
  }</aside>`;
}

function Facet({ field, schema, view, tick, go }: Props & { field: Field }) {
  const { name } = field;
  const [limit, setLimit] = useState(LIMIT_MS);
  // The other values of the field stay in sight, so that one can be taken instead.
  const others = view.where.filter((condition) => fieldOf(condition) !== name);
  const asked = at(schema.name, "~group") + query([
    ...others,
    ["by", name],
    ["figures", "n:count"],
    ["order", "-n"],
    ["limit", SHOWN + 1],
  ]);
  const [found, problem] = useAnswer<{ groups: Record<string, Value>[] }>(asked, tick, limit);
  const groups = found?.groups;
  const most = Math.max(1, ...groups?.map(({ n }) => Number(n)) ?? []);
  const isTaken = (condition: Condition) =>
    view.where.some((one) => one[0] === condition[0] && one[1] === condition[1]);
  return html`<section class="facet"><h3>${name}
      <button class="plain" title="Close facet ${name}" aria-label="Close facet ${name}"
        onClick=${() =>
    go({ ...view, facets: view.facets.filter((one) => one !== name) })}>✕</button></h3>
    <${Problem} text=${problem} />
    ${problem && html`<button onClick=${() => setLimit(limit * 10)}>Take longer</button>`}
    <ul>${
    groups?.slice(0, SHOWN).map((group) => {
      const value = group[name]!;
      const condition = sameAs(field, value === null ? null : textOf(field, value));
      const taken = isTaken(condition);
      const where = taken ? others : [...others, condition];
      return html`<li><button class="plain row" aria-pressed=${taken}
        onClick=${() => go({ ...view, where })}>
        <span class="bar" style=${{ width: `${Number(group.n) / most * 100}%` }} />
        <span class="name">${
        value === null
          ? html`<i class="null">null</i>`
          : value === ""
          ? html`<i class="null">empty text</i>`
          : visible(textOf(field, value).slice(0, 80))
      }</span><span class="n">${count(Number(group.n))}</span></button></li>`;
    })
  }</ul>
    ${
    groups !== undefined && groups.length > SHOWN && html`<small>the ${SHOWN} most frequent</small>`
  }
    ${groups?.length === 0 && html`<small>no rows</small>`}
  </section>`;
}

/** The condition by which a field lies between two values. */
export function between({ name }: Field, from: string, to: string, isLast: boolean): Condition[] {
  const of = parameterOf(name);
  return [[of, `gte.${from}`], [of, `${isLast ? "lte" : "lt"}.${to}`]];
}
