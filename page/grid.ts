/**
 * The grid: rows of one height, of which only those in sight exist. Browsers end at some 33 million
 * pixels, so among more rows the scroll bar moves in larger steps than the rows.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.ts";
import type { Rows } from "./rows.ts";
import { type Field, ID, type Row } from "./types.ts";
import { isNumeric, shownText } from "./values.ts";

/** The height of a row in pixels. */
const HEIGHT = 28;
/** The height of the names of the columns. */
const HEAD = 34;
/** How tall the scrolled area is at most. */
const TALLEST = 15_000_000;

/** A place in the grid; row -1 are the names of the columns. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/** Places from one to another. */
export interface Selected {
  readonly from: Place;
  readonly to: Place;
}

interface Props {
  readonly rows: Rows;
  readonly total: number;
  readonly columns: readonly Field[];
  readonly widths: readonly number[];
  readonly order: readonly string[];
  readonly selected: Selected;
  readonly editor: ComponentChildren;
  /** When a cell changed, by `id/field`. */
  readonly flashes: ReadonlyMap<string, number>;
  readonly label: string;
  /** With another text the grid begins at the top. */
  readonly begins: string;
  readonly select: (selected: Selected) => void;
  readonly resize: (column: number, width: number) => void;
  readonly open: (place: Place) => void;
  readonly menu: (column: number, x: number, y: number) => void;
  /** Keys that the grid does not know. */
  readonly unknown: (event: KeyboardEvent) => void;
}

/** Where each column begins, and where the last one ends. */
function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push(edges.at(-1)! + width);
  return edges;
}

/** The grid. */
export function Grid(props: Props) {
  const { rows, total, columns, widths, order, selected, editor, flashes } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 400 });
  const [left, setLeft] = useState(0);
  // In pixels of rows, not of the scroll bar.
  const [top, setTop] = useState(0);
  const placed = useRef(0);

  const edges = edgesOf(widths);
  const full = total * HEIGHT;
  const body = Math.max(0, size.height - HEAD);
  const longest = Math.max(0, full - body);
  const area = Math.min(full, TALLEST);
  const isScaled = full > TALLEST;
  const scrollable = Math.max(1, area - body);
  const scale = isScaled ? longest / scrollable : 1;
  const current = Math.min(top, longest);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => {
      setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    observer.observe(element);
    setSize({ width: element.clientWidth, height: element.clientHeight });
    return () => observer.disconnect();
  }, []);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(longest, to));
    setTop(next);
    const element = scroller.current!;
    element.scrollTop = next / scale;
    placed.current = element.scrollTop;
  };

  useLayoutEffect(() => {
    const element = scroller.current!;
    // A turn of the wheel moves as many rows as it would in a short table.
    const wheel = (event: WheelEvent) => {
      if (!isScaled || event.ctrlKey || event.shiftKey || event.deltaY === 0) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? HEIGHT : event.deltaMode === 2 ? body : 1;
      move(current + event.deltaY * unit);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  });

  useLayoutEffect(() => {
    move(0);
    scroller.current!.scrollLeft = 0;
  }, [props.begins]);

  const scrolled = () => {
    const { scrollTop, scrollLeft } = scroller.current!;
    setLeft(scrollLeft);
    if (Math.abs(scrollTop - placed.current) < 1) return;
    placed.current = scrollTop;
    setTop(isScaled ? Math.min(longest, scrollTop * scale) : scrollTop);
  };

  const first = Math.max(0, Math.floor(current / HEIGHT) - 2);
  const last = Math.min(total - 1, Math.ceil((current + body) / HEIGHT) + 2);
  useLayoutEffect(() => {
    if (last < first) return rows.want(0, 0);
    // While the bar is dragged, most of what passes by is not worth asking for.
    const timer = setTimeout(() => rows.want(first, last), rows.at(first) ? 0 : 40);
    if (rows.least === 0) rows.want(first, last);
    return () => clearTimeout(timer);
  }, [rows, first, last]);

  // What is selected is in sight.
  const { row, column } = selected.to;
  useLayoutEffect(() => {
    const element = scroller.current!;
    if (row >= 0) {
      const [from, to] = [row * HEIGHT, (row + 1) * HEIGHT];
      if (from < current) move(from);
      else if (to > current + body) move(to - body);
    }
    if (column > 0) {
      const [from, to] = [edges[column]!, edges[column + 1]!];
      const pinned = edges[1]!;
      if (from - pinned < element.scrollLeft) element.scrollLeft = from - pinned;
      else if (to > element.scrollLeft + size.width) element.scrollLeft = to - size.width;
    }
  }, [row, column]);

  const go = (row: number, column: number, extend: boolean) => {
    const to = {
      row: Math.max(-1, Math.min(total - 1, row)),
      column: Math.max(0, Math.min(columns.length - 1, column)),
    };
    props.select({ from: extend && to.row >= 0 ? selected.from : to, to });
  };
  const key = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const { key, shiftKey } = event;
    const isFar = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor(body / HEIGHT) - 1);
    if (key === "ArrowDown") go(isFar ? total - 1 : row + 1, column, shiftKey);
    else if (key === "ArrowUp") go(isFar ? 0 : row - 1, column, shiftKey);
    else if (key === "ArrowRight") go(row, isFar ? columns.length - 1 : column + 1, shiftKey);
    else if (key === "ArrowLeft") go(row, isFar ? 0 : column - 1, shiftKey);
    else if (key === "PageDown") go(row + page, column, shiftKey);
    else if (key === "PageUp") go(Math.max(0, row - page), column, shiftKey);
    else if (key === "Home") go(isFar ? 0 : row, 0, shiftKey);
    else if (key === "End") go(isFar ? total - 1 : row, columns.length - 1, shiftKey);
    else if (row === -1 && (key === "m" || key === "ContextMenu")) {
      const { left: x, top: y } = scroller.current!.getBoundingClientRect();
      props.menu(column, x + edges[column]! - left, y + HEAD);
    } else return props.unknown(event);
    event.preventDefault();
  };

  const drag = (event: PointerEvent, index: number) => {
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const begin = event.clientX - widths[index]!;
    handle.onpointermove = ({ clientX }) => props.resize(index, Math.max(40, clientX - begin));
    handle.onpointerup = () => handle.onpointermove = handle.onpointerup = null;
  };

  // Of many columns, only those in sight exist; the id is always in sight.
  const from = Math.max(1, edges.findLastIndex((edge) => edge <= left + edges[1]!));
  const past = edges.findIndex((edge) => edge > left + size.width);
  const shown = [0];
  for (let i = from; i < (past < 0 ? columns.length : past); i++) shown.push(i);
  const span = (a: number, b: number): [number, number] => a < b ? [a, b] : [b, a];
  const [row0, row1] = span(selected.from.row, selected.to.row);
  const [column0, column1] = span(selected.from.column, selected.to.column);
  const isOne = row0 === row1 && column0 === column1;
  const width = edges.at(-1)!;
  const place = (index: number) =>
    index === 0
      ? { width: `${widths[0]}px` }
      : { left: `${edges[index]}px`, width: `${widths[index]}px` };

  const cell = (index: number, at: number, data: Row | undefined) => {
    const field = columns[at]!;
    const isActive = index === row && at === column;
    const value = data?.[field.name];
    const isEdited = isActive && editor;
    // A cell that changes begins anew, and with it the animation; but not under somebody's hands.
    const flash = data && !isEdited && flashes.get(`${data.__id__}/${field.name}`);
    const kind = [
      "cell",
      at === 0 && "pinned",
      isNumeric(field) && "number",
      isActive && "active",
      !isOne && index >= row0 && index <= row1 && at >= column0 && at <= column1 && "chosen",
      flash && "flash",
    ].filter((one) => one).join(" ");
    return html`
      <div role=${at === 0 ? "rowheader" : "gridcell"} key=${flash ? `${at} ${flash}` : at}
        class=${kind} id="c${index}-${at}"
        aria-colindex=${at + 1} aria-selected=${isActive} style=${place(at)}
        onMouseDown=${(event: MouseEvent) => {
          if (event.button !== 0 || isEdited) return;
          event.preventDefault();
          scroller.current!.focus();
          go(index, at, event.shiftKey);
        }}
        onDblClick=${() => props.open({ row: index, column: at })}>${isEdited
          ? editor
          : data === undefined
          ? html`<i class="wait" />`
          : value === null || value === undefined
          ? html`<i class="null">null</i>`
          : value === ""
          ? html`<i class="null">""</i>`
          : field.type === "link"
          ? html`<span class="link">${shownText(field, value)}</span>`
          : shownText(field, value)}</div>
    `;
  };
  const lines = [];
  for (let index = first; index <= last; index++) {
    const data = rows.at(index);
    const y = HEAD + index * HEIGHT - current;
    const isGone = data !== undefined && rows.deleted.has(data.__id__);
    lines.push(html`
      <div role="row" key=${index} aria-rowindex=${index + 2}
        class="line ${isGone ? "gone" : ""} ${index === row ? "here" : ""}"
        style=${{ transform: `translateY(${y}px)`, width: `${width}px` }}>
            ${shown.map((at) => cell(index, at, data))}</div>
    `);
  }
  return html`
    <div class="grid" role="grid" tabindex="0" ref=${scroller} aria-label=${props.label}
      aria-rowcount=${total + 1} aria-colcount=${columns.length} aria-multiselectable="true"
      aria-activedescendant=${row < 0 ? `h${column}` : `c${row}-${column}`}
      onScroll=${scrolled} onKeyDown=${key}>
      <div class="area" style=${{ height: `${area + HEAD}px`, width: `${width}px` }}>
        <div class="layer" style=${{ height: `${size.height}px` }}>
            <div role="row" aria-rowindex="1" class="line head" style=${{
              width: `${width}px`,
            }}>${shown.map((at) => {
              const field = columns[at]!;
              const sign = order.includes(field.name)
                ? "ascending"
                : order.includes(`-${field.name}`)
                ? "descending"
                : "none";
              const rank = order.findIndex((one) => one.replace(/^-/, "") === field.name);
              return html`
                <div role="columnheader" key=${at} id="h${at}" aria-colindex=${at + 1}
                  class="cell ${at === 0 ? "pinned" : ""} ${row === -1 && at === column
                    ? "active"
                    : ""}"
                  aria-sort=${sign} style=${place(at)} title="${field.name}: ${field.type}"
                  onMouseDown=${(event: Event) => event.preventDefault()}
                  onClick=${() => props.open({ row: -1, column: at })}
                  onContextMenu=${(event: MouseEvent) => {
                    event.preventDefault();
                    props.menu(at, event.clientX, event.clientY);
                  }}>
                        <span class="name">${field.name === ID.name ? "id" : field.name}</span>
                        ${rank >= 0 &&
                          html`<span class="sort">${sign === "ascending" ? "▲" : "▼"}${
                            order.length > 1 ? rank + 1 : ""
                          }</span>`}
                        <button class="plain more" tabindex=${-1} aria-label="Menu of ${field.name}"
                          onClick=${(event: MouseEvent) => {
                            event.stopPropagation();
                            const { left: x, bottom: y } = (event.currentTarget as Element)
                              .getBoundingClientRect();
                            props.menu(at, x, y);
                          }}>⋮</button>
                        <span class="handle" onClick=${(event: Event) => event.stopPropagation()}
                          onPointerDown=${(event: PointerEvent) => drag(event, at)} /></div>
              `;
            })}</div>${lines}
          </div>
      </div>
    </div>
  `;
}
