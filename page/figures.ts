/**
 * The figures of a field, and its histogram.
 *
 * @module
 */

import { useAnswer } from "./answer.ts";
import { at } from "./api.ts";
import { Dialog, Problem, Shown } from "./dialogs.ts";
import { between } from "./facets.ts";
import { html } from "./html.ts";
import type { Field, Value } from "./types.ts";
import { count, textOf } from "./values.ts";
import { type Condition, query, type View } from "./view_state.ts";

interface Bar {
  readonly from: Value;
  readonly to: Value;
  readonly count: number;
}

interface Figures {
  readonly count: number;
  readonly nulls: number;
  readonly distinct: number | null;
  readonly min: Value;
  readonly max: Value;
  readonly mean: number | null;
  readonly histogram: readonly Bar[] | null;
}

const WIDTH = 480;
const HEIGHT = 140;

/** Figures of a field among the rows of a view. */
export function FiguresDialog({ field, view, add, close }: {
  field: Field;
  view: View;
  add: (conditions: readonly Condition[]) => void;
  close: () => void;
}) {
  const [figures, problem] = useAnswer<Figures>(
    at(view.table, "~figures") + query([...view.where, ["of", field.name]]),
  );
  const line = (label: string, value: unknown) =>
    html`
      <dt>${label}</dt>
      <dd>${value}</dd>
    `;
  return html`<${Dialog} title=${field.name} close=${close}>
    <${Problem} text=${problem} />
    ${!figures && !problem && html`<p>counting…</p>`}
    ${
    figures && html`<dl class="figures">
      ${line("rows", count(figures.count))}
      ${line("null", count(figures.nulls))}
      ${figures.distinct !== null && line("distinct", count(figures.distinct))}
      ${line("least", html`<${Shown} field=${field} value=${figures.min} />`)}
      ${line("greatest", html`<${Shown} field=${field} value=${figures.max} />`)}
      ${figures.mean !== null && line("mean", figures.mean.toLocaleString("en"))}
    </dl>
    ${
      figures.histogram &&
      html`<${Histogram} field=${field} bars=${figures.histogram} add=${add} />`
    }`
  }
  </${Dialog}>`;
}

function Histogram({ field, bars, add }: {
  field: Field;
  bars: readonly Bar[];
  add: (conditions: readonly Condition[]) => void;
}) {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const width = WIDTH / bars.length;
  return html`
    <figure>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="group" aria-label="Histogram">${bars.map(
        (bar, i) => {
          const [from, to] = [textOf(field, bar.from), textOf(field, bar.to)];
          const take = () => add(between(field, from, to, i === bars.length - 1));
          const height = bar.count === 0 ? 0 : Math.max(2, bar.count / most * HEIGHT);
          const label = `${from} to ${to}: ${count(bar.count)}`;
          return html`
            <g role="button" tabindex="0" aria-label=${label} onClick=${take}
              onKeyDown=${(event: KeyboardEvent) => event.key === "Enter" && take()}>
              <title>${label}</title>
              <rect class="back" x=${i * width} y="0" width=${width} height=${HEIGHT} />
              <rect x=${i * width + 1} y=${HEIGHT - height} width=${width -
                2} height=${height} rx="2" />
            </g>
          `;
        },
      )}</svg>
      <figcaption><span>${textOf(field, bars[0]!.from)}</span>
        <span>${textOf(field, bars.at(-1)!.to)}</span></figcaption>
    </figure>
  `;
}
