/** @jsxImportSource preact */
/**
 * Facets: the most frequent values of a field among the rows in view, with their counts; and the
 * figures of a field.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, pathOf } from "./api.ts";
import { Alert, Dialog } from "./dialog.tsx";
import { reasonOf } from "./edit.tsx";
import { equalTo, fieldOf } from "./filter.ts";
import type { Column } from "./grid.tsx";
import { countsOf } from "./rows.ts";
import { shown, textOf } from "./values.ts";
import { type Condition, queryOf, type View } from "./view.ts";

/** How many values a facet shows. */
const VALUES = 12;
/** How long a facet may take, in milliseconds. */
const TIME = 3000;

/** The values of one field. */
export function Facet(
  { view, column, version, onToggle, onClose }: {
    view: View;
    column: Column;
    /** Grows when the rows change. */
    version: number;
    onToggle: (condition: Condition) => void;
    onClose: () => void;
  },
): JSX.Element {
  const [counts, setCounts] = useState<{ value: unknown; n: number }[]>();
  const [error, setError] = useState("");
  const { name, type } = column;
  const query = queryOf({ conditions: view.conditions, order: [] });
  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), TIME);
    // Of the field itself other values can be chosen, too.
    const others = view.conditions.filter((one) => fieldOf(one.name) !== name);
    countsOf({ ...view, conditions: others }, name, { limit: VALUES + 1 }, controller.signal).then(
      (found) => {
        setCounts(found);
        setError("");
      },
      (error) => setError(controller.signal.aborted ? "this takes too long" : reasonOf(error)),
    ).finally(() => clearTimeout(timer));
    return () => controller.abort();
  }, [view.table, query, name, version]);
  const isChosen = (condition: Condition) =>
    view.conditions.some((one) => one.name === condition.name && one.value === condition.value);
  return (
    <section class="facet" aria-label={`Values of ${name}`}>
      <h3>
        {name}
        <button
          type="button"
          class="plain"
          aria-label={`Close the facet of ${name}`}
          onClick={onClose}
        >
          ×
        </button>
      </h3>
      {error !== "" && <Alert>{error}</Alert>}
      <ul>
        {counts?.slice(0, VALUES).map(({ value, n }) => {
          const text = textOf(type, value);
          const condition = equalTo(name, text);
          return (
            <li key={text ?? "\0"}>
              <button
                type="button"
                class="plain"
                aria-pressed={isChosen(condition)}
                onClick={() => onToggle(condition)}
              >
                <span class={text === null ? "null" : ""}>
                  {text === null ? "null" : shown(type, value) || '""'}
                </span>
                <small>{n.toLocaleString()}</small>
              </button>
            </li>
          );
        })}
      </ul>
      {(counts?.length ?? 0) > VALUES && <small>and more</small>}
    </section>
  );
}

interface Figures {
  readonly count: number;
  readonly nulls: number;
  readonly distinct: number | null;
  readonly min: unknown;
  readonly max: unknown;
  readonly mean: number | null;
  readonly histogram: readonly { from: unknown; to: unknown; count: number }[] | null;
}

/** The figures of one field. */
export function FiguresDialog(
  { view, column, onRange, onClose }: {
    view: View;
    column: Column;
    onRange: (from: string, to: string, isLast: boolean) => void;
    onClose: () => void;
  },
): JSX.Element {
  const { name, type } = column;
  const [figures, setFigures] = useState<Figures>();
  const [error, setError] = useState("");
  useEffect(() => {
    const query = queryOf({ conditions: view.conditions, order: [] }, { of: name });
    get<Figures>(pathOf(view.table!, `~figures${query}`)).then(
      setFigures,
      (error) => setError(reasonOf(error)),
    );
  }, []);
  const told = figures === undefined ? [] : [
    ["rows", figures.count.toLocaleString()],
    ["null", figures.nulls.toLocaleString()],
    ["different values", figures.distinct?.toLocaleString() ?? "too many to count"],
    ["least", shown(type, figures.min)],
    ["greatest", shown(type, figures.max)],
    ...(figures.mean === null ? [] : [["mean", String(figures.mean)]]),
  ];
  const bars = figures?.histogram ?? [];
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <Dialog title={`${name}: ${type}`} onClose={onClose}>
      {error !== "" && <Alert>{error}</Alert>}
      {figures === undefined && error === "" && <p>…</p>}
      <table class="facts">
        <tbody>
          {told.map(([what, value]) => (
            <tr key={what}>
              <th>{what}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {bars.length > 0 && (
        <svg
          class="histogram"
          viewBox={`0 0 ${bars.length * 20} 100`}
          role="group"
          aria-label="Histogram"
        >
          {bars.map(({ from, to, count }, i) => {
            const height = count / most * 96;
            const isLast = i === bars.length - 1;
            const label = `${shown(type, from)} to ${shown(type, to)}: ${count} rows`;
            const choose = () => onRange(textOf(type, from)!, textOf(type, to)!, isLast);
            return (
              <g
                key={i}
                role="button"
                tabIndex={0}
                aria-label={label}
                onClick={choose}
                onKeyDown={(event) => event.key === "Enter" && choose()}
              >
                <title>{label}</title>
                <rect class="back" x={i * 20} y={0} width={20} height={100} />
                <rect x={i * 20 + 1} y={100 - height} width={18} height={height} />
              </g>
            );
          })}
        </svg>
      )}
    </Dialog>
  );
}
