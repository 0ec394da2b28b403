/** @jsxImportSource preact */
/**
 * The grid: rows of a fixed height, of which only those in sight exist. The position is a row and
 * not a pixel, so that it reaches the last of ten million rows, though browsers end at some 33
 * million pixels: the scroll bar is scaled.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Field, Row } from "./types.ts";
import type { Rows } from "./rows.ts";
import { isNumber, shown, textOf, tsvCell } from "./values.ts";

/** The height of a row, in pixels. */
const HEIGHT = 28;
/** The width of a column at first, in pixels. */
const WIDTH = 150;
/** The greatest height of what is scrolled, in pixels. */
const MOST = 8_000_000;

/** A cell: the place of its row, and the number of its column. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** A column. */
export interface Column {
  readonly name: string;
  readonly type: string;
  /** The field; none for the id. */
  readonly field?: Field;
}

/** What a grid gets. */
export interface GridProps {
  readonly rows: Rows;
  readonly columns: readonly Column[];
  readonly order: readonly string[];
  readonly widths: Readonly<Record<string, number>>;
  readonly canWrite: boolean;
  /** The names of fields that changed of late, by row. */
  readonly flashes: ReadonlyMap<number, ReadonlySet<string>>;
  /** The editor of a cell, if one is open. */
  readonly editor: { readonly cell: Cell; readonly element: JSX.Element } | undefined;
  readonly onSort: (name: string, add: boolean) => void;
  readonly onWidth: (name: string, width: number) => void;
  readonly onMenu: (column: Column, at: DOMRect) => void;
  readonly onEdit: (cell: Cell, text?: string) => void;
  readonly onDelete: (row: Row) => void;
  readonly onFilter: (column: Column, text: string | null) => void;
  readonly onPaste: (text: string) => void;
}

/** The grid. */
export function Grid(props: GridProps): JSX.Element {
  const { rows, columns, widths, editor } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 600 });
  const [top, setTop] = useState(0);
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [anchor, setAnchor] = useState<Cell>(active);
  /** The position that this code gave to the scroll bar: no wish of the user. */
  const given = useRef(0);

  const total = rows.total ?? 0;
  const widthOf = (name: string) => widths[name] ?? WIDTH;
  const visible = Math.max(1, Math.floor((size.height - HEIGHT) / HEIGHT));
  const lastTop = Math.max(0, total - visible);
  const room = Math.min(total * HEIGHT, MOST);
  const travel = () => Math.max(1, scroller.current!.scrollHeight - scroller.current!.clientHeight);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight })
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    setTop(0);
    setActive(({ column }) => ({ row: 0, column }));
    setAnchor({ row: 0, column: 0 });
  }, [rows]);

  const first = Math.min(Math.floor(top), lastTop);
  const last = Math.min(total, first + visible + 2);
  useEffect(() => rows.need(first - visible, last + visible), [rows, first, last, visible]);

  const moveTo = (position: number) => {
    const next = Math.max(0, Math.min(lastTop, position));
    setTop(next);
    const element = scroller.current!;
    element.scrollTop = lastTop === 0 ? 0 : next / lastTop * travel();
    // The browser rounds it.
    given.current = element.scrollTop;
  };
  useEffect(() => {
    const element = scroller.current!;
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * HEIGHT;
      moveTo(top + pixels / HEIGHT);
      element.scrollLeft += event.deltaX;
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  });
  const onScroll = () => {
    const { scrollTop } = scroller.current!;
    if (Math.abs(scrollTop - given.current) < 2) return;
    given.current = scrollTop;
    setTop(Math.max(0, Math.min(lastTop, scrollTop / travel() * lastTop)));
  };

  const go = (row: number, column: number, extend = false) => {
    const next = {
      row: Math.max(0, Math.min(total - 1, row)),
      column: Math.max(0, Math.min(columns.length - 1, column)),
    };
    setActive(next);
    if (!extend) setAnchor(next);
    if (next.row < top) moveTo(next.row);
    else if (next.row >= first + visible) moveTo(next.row - visible + 1);
    // Not scrollIntoView, which would scroll rows, too.
    const element = scroller.current!;
    const left = columns.slice(0, next.column).reduce((sum, { name }) => sum + widthOf(name), 0);
    const right = left + widthOf(columns[next.column]!.name);
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right > element.scrollLeft + element.clientWidth) {
      element.scrollLeft = right - element.clientWidth;
    }
  };
  useEffect(() => {
    if (active.column >= columns.length) setActive({ ...active, column: columns.length - 1 });
  }, [columns.length]);

  /** The text of the selected cells, as a spreadsheet takes it. */
  const selection = (): string => {
    const [from, to] = [active, anchor].map(({ row }) => row).sort((a, b) => a - b);
    const [left, right] = [active, anchor].map(({ column }) => column).sort((a, b) => a - b);
    const lines: string[] = [];
    const isOne = from === to && left === right;
    for (let place = from!; place <= to!; place++) {
      const row = rows.at(place);
      const cells = columns.slice(left, right! + 1).map(({ name, type }) =>
        textOf(type, row?.[name])
      );
      lines.push(isOne ? cells[0] ?? "" : cells.map(tsvCell).join("\t"));
    }
    return lines.join("\n");
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (editor !== undefined || event.altKey) return;
    const { key, shiftKey, ctrlKey, metaKey } = event;
    const { row, column } = active;
    const control = ctrlKey || metaKey;
    const moves: Record<string, () => void> = {
      ArrowUp: () => go(row - 1, column, shiftKey),
      ArrowDown: () => go(row + 1, column, shiftKey),
      ArrowLeft: () => go(row, column - 1, shiftKey),
      ArrowRight: () => go(row, column + 1, shiftKey),
      PageUp: () => go(row - visible, column, shiftKey),
      PageDown: () => go(row + visible, column, shiftKey),
      Home: () => control ? go(0, 0, shiftKey) : go(row, 0, shiftKey),
      End: () =>
        control
          ? go(total - 1, columns.length - 1, shiftKey)
          : go(row, columns.length - 1, shiftKey),
    };
    const found = rows.at(row);
    const { name, type } = columns[column] ?? { name: "", type: "" };
    if (Object.hasOwn(moves, key)) moves[key]!();
    else if (key === "Enter" || key === "F2") props.onEdit(active);
    else if (key === "Delete" && found !== undefined) props.onDelete(found);
    else if (key === "=" && found !== undefined && !control) {
      props.onFilter(columns[column]!, textOf(type, found[name]));
    } else if (key === "s" && !control) props.onSort(name, shiftKey);
    else if (key === "m" && !control) {
      const header = scroller.current!.querySelector(`[data-column="${column}"]`)!;
      props.onMenu(columns[column]!, header.getBoundingClientRect());
    } else return;
    event.preventDefault();
  };
  const onCopy = (event: ClipboardEvent) => {
    if (editor !== undefined || String(getSelection()) !== "") return;
    event.clipboardData!.setData("text/plain", selection());
    event.preventDefault();
  };
  const onPaste = (event: ClipboardEvent) => {
    if (editor !== undefined || !props.canWrite) return;
    event.preventDefault();
    props.onPaste(event.clipboardData!.getData("text/plain"));
  };
  useLayoutEffect(() => {
    if (editor === undefined) scroller.current!.focus({ preventScroll: true });
  }, [editor === undefined]);

  const isSelected = (row: number, column: number) =>
    between(row, active.row, anchor.row) && between(column, active.column, anchor.column);
  const template = columns.map(({ name }) => `${widthOf(name)}px`).join(" ");
  const width = columns.reduce((sum, { name }) => sum + widthOf(name), 0);
  const places = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);

  return (
    <div
      ref={scroller}
      class="grid"
      role="grid"
      tabIndex={0}
      aria-label={`Rows of ${rows.view.table}`}
      aria-rowcount={total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={`cell-${active.row}-${active.column}`}
      aria-readonly={!props.canWrite}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onCopy={onCopy}
      onPaste={onPaste}
    >
      <div class="space" style={{ height: `${room + HEIGHT}px`, width: `${width}px` }}>
        <div class="window" style={{ width: `${width}px` }}>
          <div class="head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            {columns.map((column, i) => (
              <Head
                key={column.name}
                {...props}
                column={column}
                number={i}
                width={widthOf(column.name)}
              />
            ))}
          </div>
          {places.map((place) => {
            const row = rows.at(place);
            return (
              <div
                key={place}
                class="row"
                role="row"
                aria-rowindex={place + 2}
                style={{ gridTemplateColumns: template }}
              >
                {columns.map(({ name, type }, i) => {
                  const isActive = place === active.row && i === active.column;
                  const isEdited = editor?.cell.row === place && editor.cell.column === i;
                  const value = row?.[name];
                  const isNull = row !== undefined && (value === null || value === undefined);
                  const flash = row !== undefined && props.flashes.get(row.__id__)?.has(name);
                  return (
                    <div
                      key={name}
                      id={`cell-${place}-${i}`}
                      role="gridcell"
                      aria-colindex={i + 1}
                      aria-selected={isSelected(place, i)}
                      class={[
                        "cell",
                        isNumber(type) ? "number" : "",
                        isNull ? "null" : "",
                        isActive ? "active" : "",
                        flash ? "flash" : "",
                        row === undefined ? "missing" : "",
                      ].join(" ")}
                      onMouseDown={(event) => {
                        if (isEdited || event.button !== 0) return;
                        setActive({ row: place, column: i });
                        if (!event.shiftKey) setAnchor({ row: place, column: i });
                      }}
                      onDblClick={() => props.onEdit({ row: place, column: i })}
                    >
                      {isEdited ? editor.element : isNull ? "null" : shown(type, value)}
                      {isActive && !isEdited && row !== undefined && (
                        <button
                          type="button"
                          class="same"
                          tabIndex={-1}
                          title={`Only rows with this ${name} (key =)`}
                          aria-label={`Only rows with this ${name}`}
                          onClick={() => props.onFilter(columns[i]!, textOf(type, value))}
                        >
                          =
                        </button>
                      )}
                    </div>
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function between(n: number, a: number, b: number): boolean {
  return n >= Math.min(a, b) && n <= Math.max(a, b);
}

/** The head of a column: a click sorts, the edge sets the width. */
function Head(
  { column, number, order, width, onSort, onWidth, onMenu }: GridProps & {
    column: Column;
    number: number;
    width: number;
  },
): JSX.Element {
  const { name, type, field } = column;
  const isDescending = order.includes(`-${name}`);
  const isSorted = isDescending || order.includes(name);
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const start = event.clientX - width;
    const move = (moved: PointerEvent) => onWidth(name, Math.max(50, moved.clientX - start));
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", move), {
      once: true,
    });
    event.stopPropagation();
  };
  return (
    <div
      role="columnheader"
      data-column={number}
      aria-colindex={number + 1}
      aria-sort={!isSorted ? "none" : isDescending ? "descending" : "ascending"}
      class={`cell ${isNumber(type) ? "number" : ""}`}
    >
      <button
        type="button"
        class="plain name"
        tabIndex={-1}
        title={`${name}: ${type}${
          field?.unique ? ", unique" : field?.index ? ", index" : ""
        }. Click to sort`}
        onClick={(event) => type !== "json" && onSort(name, event.shiftKey)}
      >
        {name}
        {isSorted && <span class="sorted">{isDescending ? "▼" : "▲"}</span>}
      </button>
      <button
        type="button"
        class="plain menu"
        tabIndex={-1}
        aria-label={`Menu of ${name}`}
        onClick={(event) => onMenu(column, event.currentTarget.getBoundingClientRect())}
      >
        ⋮
      </button>
      <span class="edge" aria-hidden="true" onPointerDown={drag} />
    </div>
  );
}
