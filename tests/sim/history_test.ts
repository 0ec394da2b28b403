/**
 * The judge of the simulation: it must tell what has no order, and only that.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Act, type Event, type Model, unexplained } from "../helpers/sim_history.ts";

const EMPTY: Model = { base: "", fields: [], rows: [], nextId: 0 };

const insert: Act = (model) => [
  {
    base: "",
    fields: [],
    rows: [...model!.rows, [model!.nextId, 0, 0, ""]],
    nextId: model!.nextId + 1,
  },
  model!.nextId,
];
const size: Act = (model) => [model, model!.rows.length];

type Part = Partial<Event> & Pick<Event, "name" | "act" | "start" | "end">;

function history(...parts: Part[]): Event[] {
  return parts.map((part) => ({ open: false, durable: "never", ...part }));
}

function inserted(start: number, end: number, id: number, more: Partial<Event> = {}): Part {
  return { name: "insert", act: insert, start, end, result: `${id}`, durable: "changed", ...more };
}

function read(start: number, end: number, rows: number): Part {
  return { name: "size", act: size, start, end, result: `${rows}` };
}

const cutShort = { open: true, durable: "changed" } as const;
const lost = (at: number): Part => ({ name: "power cut", act: undefined, start: at, end: at + 1 });

Deno.test("unexplained() finds the order of what has one", () => {
  const good: [string, Event[]][] = [
    ["nothing", history()],
    ["one after the other", history(inserted(0, 1, 0), inserted(1, 2, 1), read(2, 3, 2))],
    ["at once, the other way round", history(inserted(0, 5, 1), inserted(1, 3, 0))],
    [
      "a look at what is not acknowledged",
      history(inserted(0, 9, 0), read(2, 3, 1), read(4, 5, 1)),
    ],
    ["a look before that", history(inserted(0, 9, 0), read(2, 3, 0), read(4, 5, 1))],
    ["killed, and done", history(inserted(0, 2, 0, cutShort), read(3, 4, 1))],
    ["killed, and not done", history(inserted(0, 2, 0, cutShort), read(3, 4, 0))],
    [
      "not durable, and lost",
      history(inserted(0, 1, 0, { durable: "never" }), lost(2), read(3, 4, 0)),
    ],
    [
      "not durable, and kept",
      history(inserted(0, 1, 0, { durable: "never" }), lost(2), read(3, 4, 1)),
    ],
    [
      "killed, seen and lost",
      history(inserted(0, 2, 0, cutShort), read(3, 4, 1), lost(5), read(6, 7, 0)),
    ],
    [
      "lost, and its id used again",
      history(
        inserted(0, 1, 0, { durable: "never" }),
        lost(2),
        inserted(3, 4, 0),
      ),
    ],
  ];
  for (const [what, events] of good) assertEquals(unexplained(events, EMPTY), undefined, what);
});

Deno.test("unexplained() tells what has no order", () => {
  const bad: [string, Event[]][] = [
    ["an id twice", history(inserted(0, 1, 0), inserted(1, 2, 0))],
    ["an id left out", history(inserted(0, 1, 0), inserted(1, 2, 2))],
    ["lost", history(inserted(0, 1, 0), read(2, 3, 0))],
    ["seen too early", history(read(0, 1, 1), inserted(2, 3, 0))],
    ["back", history(inserted(0, 9, 0), read(2, 3, 1), read(4, 5, 0))],
    [
      "killed, not there, then there",
      history(
        inserted(0, 2, 0, cutShort),
        read(3, 4, 0),
        read(5, 6, 1),
      ),
    ],
    ["durable, and lost in a power cut", history(inserted(0, 1, 0), lost(2), read(3, 4, 0))],
    [
      "lost before what is durable",
      history(
        inserted(0, 1, 0, { durable: "never" }),
        inserted(1, 2, 1),
        lost(2),
        read(3, 4, 0),
      ),
    ],
    [
      "lost after all was made durable",
      history(
        inserted(0, 1, 0, { durable: "never" }),
        { name: "commit", act: size, start: 1, end: 2, result: "1", durable: "always" },
        lost(2),
        read(3, 4, 0),
      ),
    ],
  ];
  for (const [what, events] of bad) assert(unexplained(events, EMPTY) !== undefined, what);
});
