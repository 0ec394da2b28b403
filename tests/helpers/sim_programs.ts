/**
 * What simulated processes do: a few verbs on a small table, chosen at random.
 *
 * @module
 */

import { PsBase } from "../../base.ts";
import { BaseNotFoundError, SchemaError, WriteError } from "../../engine/errors.ts";
import { ioError, noSpace } from "./crash_file.ts";
import { BASE } from "./crash_run.ts";
import { type Act, CREATE, type Event, type History, type Model } from "./sim_history.ts";
import type { Machine } from "./sim_process.ts";
import type { Random } from "./random.ts";

/** The fields that the base is made with. */
export const SCHEMA = { n: "integer", tag: "string" } as const;
/** A base in these tests. */
export type Table = PsBase<typeof SCHEMA>;

/** A verb: what it does, and what it must do. */
export interface Verb {
  /** Its name, and what it is given. */
  readonly name: string;
  /** Calls it. */
  run(table: Table): unknown;
  /** What is expected of it. */
  readonly act: Act;
  /** What is on disk after it, if the handle is durable. */
  readonly durable: Event["durable"];
}

type There = NonNullable<Model>;

/** An act on a table that is there. */
function on(act: (model: There) => readonly [There, unknown]): Act {
  return (model) => model === undefined ? [undefined, "none"] : act(model);
}

function look(act: (model: There) => unknown): Act {
  return on((model) => [model, act(model)]);
}

function added(model: There, rows: readonly (readonly [n: number, tag: string])[]): There {
  return {
    ...model,
    rows: [
      ...model.rows,
      ...rows.map(([n, tag], i) => [model.nextId + i, 0, n, tag] as const),
    ],
    nextId: model.nextId + rows.length,
  };
}

function counted(model: There, id: number): There {
  return {
    ...model,
    rows: model.rows.map(([one, version, n, tag]) =>
      one === id ? [one, version + 1, n + 1, tag] : [one, version, n, tag]
    ),
  };
}

/** All that is in a table. */
export const ALL: Verb = {
  name: "snapshot()",
  durable: "never",
  run: (table) =>
    table.snapshot((view) => [
      Object.keys(view.schema).slice(2),
      Array.from(view, ({ __id__, __version__, ...row }) => [
        __id__,
        __version__,
        ...Object.values(row),
      ]),
    ]),
  act: look(({ fields, rows }) => [fields, rows.map((row) => [...row, ...fields.map(() => 7)])]),
};

/** A short tag and one that may be so long that a frame fills some sectors, or pages. */
function anyTags(random: Random): [short: string, long: string] {
  // The same ones again and again, as frames with the same bytes must not be taken for each other.
  const tag = random.pick(["a", "b"]);
  return [tag, tag.repeat(random.pick([1, 1, 1, 700, 5000]))];
}

function insert(tag: string): Verb {
  return {
    name: "insert()",
    durable: "changed",
    run: (table) => table.insertSync({ n: 0, tag }),
    act: on((model) => [added(model, [[0, tag]]), model.nextId]),
  };
}

/** Adds a row, one of a few. */
export function anyInsert(random: Random): Verb {
  return insert(anyTags(random)[1]);
}

/** Adds one to the count of a row, if it is there. */
function count(id: number): Verb {
  return {
    name: `updateWhere(${id})`,
    durable: "changed",
    run: (table) => table.updateWhereSync({ __id__: id }, (row) => ({ n: row.n! + 1 })),
    act: on((model) => [counted(model, id), model.rows.filter(([one]) => one === id).length]),
  };
}

const CLEANUP: Verb = {
  name: "cleanup()",
  run: (table) => table.cleanupSync(),
  act: look(() => undefined),
  durable: "never",
};

const COMMIT: Verb = {
  name: "commit()",
  run: (table) => table.commitSync(),
  act: look(() => undefined),
  durable: "always",
};

/** Opens the base if there is one. */
const OPEN: Act = (model) => [model, model === undefined ? "none" : "there"];

/** Verbs that write, each as often as it is named. */
const WRITES = [
  ...["insert", "insert", "insert", "count", "count", "count", "delete", "insertMany"],
  ...["transaction", "addField", "cleanup", "cleanup", "commit"],
] as const;

/** A verb that writes; `name` is used by no other. */
function anyWrite(random: Random, name: string): Verb {
  const id = random.pick([0, 0, 0, 1, 2, 5]);
  const [tag, long] = anyTags(random);
  switch (random.pick(WRITES)) {
    case "insert":
      return insert(long);
    case "insertMany":
      return {
        name: "insertMany()",
        durable: "changed",
        run: (table) => table.insertManySync([{ n: 1, tag }, { n: 2, tag: long }]),
        act: on((model) => [
          added(model, [[1, tag], [2, long]]),
          [model.nextId, model.nextId + 1],
        ]),
      };
    case "count":
      return count(id);
    case "delete":
      return {
        name: `deleteWhere(${id})`,
        durable: "changed",
        run: (table) => table.deleteWhereSync({ __id__: id }),
        act: on((model) => {
          const rows = model.rows.filter(([one]) => one !== id);
          return [{ ...model, rows }, model.rows.length - rows.length];
        }),
      };
    case "transaction":
      return {
        name: "transaction()",
        durable: "changed",
        run: (table) =>
          table.transactionSync((tx) => {
            const size = tx.size;
            const id = tx.insert({ n: size, tag });
            tx.updateWhere({ __id__: 0 }, (row) => ({ n: row.n! + 1 }));
            return [size, id];
          }),
        act: on((model) => [
          counted(added(model, [[model.rows.length, tag]]), 0),
          [model.rows.length, model.nextId],
        ]),
      };
    case "addField":
      return {
        name: "addField()",
        durable: "changed",
        run: (table) =>
          void table.addFieldSync(name as never, { type: "integer", default: 7 } as never),
        act: on((model) => [{ ...model, fields: [...model.fields, name] }, undefined]),
      };
    case "cleanup":
      return CLEANUP;
    case "commit":
      return COMMIT;
  }
}

/** A verb that reads. */
function anyRead(random: Random): Verb {
  const id = random.pick([0, 1, 2, 5]);
  return random.pick<Verb>([ALL, ALL, {
    name: "size",
    durable: "never",
    run: (table) => table.size,
    act: look(({ rows }) => rows.length),
  }, {
    name: `get(${id})`,
    durable: "never",
    run: (table) => {
      const row = table.get(id);
      return row && [row.n, row.tag];
    },
    act: look(({ rows }) => rows.find(([one]) => one === id)?.slice(2)),
  }]);
}

/** How to open. */
export interface Opening {
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly durability: "full" | "relaxed";
}

/** Opens the base; `undefined` if there is none. */
export function openTable({ create, ...options }: Opening): Table | undefined {
  try {
    return create
      ? PsBase.createSync(BASE, SCHEMA, { ...options, mode: "open" }) as unknown as Table
      : PsBase.openSync(BASE, options) as unknown as Table;
  } catch (error) {
    if (error instanceof BaseNotFoundError) return undefined;
    // It is there, and somebody added a field.
    if (create && error instanceof SchemaError) return openTable({ ...options, create: false });
    throw error;
  }
}

/** All that is in the base, if there is one. */
export function found(table: Table | undefined): unknown {
  return table === undefined ? "none" : ALL.run(table);
}

/** What {@linkcode found} must give. */
export const FOUND: Act = (model) => model === undefined ? [model, "none"] : ALL.act(model);

function anyOpening(random: Random): Opening {
  return {
    create: random.chance(0.3),
    readOnly: random.chance(0.15),
    durability: random.chance(0.2) ? "relaxed" : "full",
  };
}

/** Opens the base once or twice, and calls some verbs; tells `history` of all of it. */
export function runProgram(who: string, machine: Machine, history: History): void {
  const { random } = machine;
  for (let rounds = random.pick([1, 1, 2]); rounds > 0; rounds--) {
    const opening = anyOpening(random);
    let table: Table | undefined;
    step(who, machine, history, {
      name: `open(${JSON.stringify(opening)})`,
      run: () => (table = openTable(opening)) === undefined ? "none" : "there",
      act: opening.create && !opening.readOnly ? CREATE : OPEN,
      durable: "changed",
    });
    if (table === undefined) continue;
    try {
      for (let left = random.pick([1, 2, 3, 5]); left > 0; left--) {
        const reads = opening.readOnly || random.chance(0.3);
        const verb = reads ? anyRead(random) : anyWrite(random, `${who}_${rounds}_${left}`);
        const relaxed = verb.durable === "changed" && opening.durability === "relaxed";
        const { run, ...told } = relaxed ? { ...verb, durable: "never" as const } : verb;
        const isUsable = step(who, machine, history, { ...told, run: () => run(table!) });
        // A handle that is not must refuse whatever is asked of it.
        if (!isUsable && random.chance(0.5)) break;
      }
    } finally {
      table[Symbol.dispose]();
    }
  }
}

/** What the disk says when it fails. */
const REFUSALS = [ioError().message, noSpace().message];

function isRefusal(error: unknown): boolean {
  return error instanceof Error && (REFUSALS.includes(error.message) || isRefusal(error.cause));
}

/** Calls a verb; whether the handle can be used further. */
function step(
  who: string,
  machine: Machine,
  history: History,
  { name, act, durable, run }: Omit<Verb, "run"> & { run(): unknown },
): boolean {
  machine.once(() => history.begin(who, name, act, durable));
  let result: unknown;
  let failure: Error | undefined;
  try {
    result = run();
  } catch (error) {
    failure = error as Error;
  }
  const undone = failure instanceof WriteError && failure.outcome === "none";
  machine.once(() => {
    if (failure === undefined) return history.end(who, result);
    if (undone) return history.undo(who);
    history.cutShort(who);
    if (!isRefusal(failure)) history.faults.push(`${who} ${name} threw ${failure.stack}`);
  });
  return failure === undefined || undone;
}
