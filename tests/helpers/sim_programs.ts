/**
 * What simulated processes do: a few verbs on a small table, chosen at random.
 *
 * @module
 */

import { PsBase } from "../../base.ts";
import {
  BaseExistsError,
  BaseNotFoundError,
  SchemaError,
  WriteError,
} from "../../engine/system/errors.ts";
import { ioError, noSpace } from "./crash_file.ts";
import { BASE } from "./crash_run.ts";
import {
  type Act,
  creating,
  type Event,
  type History,
  type Mode,
  type Model,
} from "./sim_history.ts";
import type { Machine } from "./sim_process.ts";
import type { Random } from "./random.ts";

/** The fields that the table is made with. */
export const SCHEMA = { n: "integer", tag: "string" } as const;
/** A table in these tests. */
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
function on(act: (model: There) => readonly [Model, unknown]): Act {
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

const DESTROY: Verb = {
  name: "destroy()",
  run: (table) => table.destroySync(),
  act: on(() => [undefined, undefined]),
  durable: "changed",
};

/** Opens the table if there is one. */
const OPEN: Act = (model) => [model, model?.base ?? "none"];

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
  /** How to create it; else it is only opened. */
  readonly mode?: Mode;
  readonly readOnly: boolean;
  readonly durability: "full" | "relaxed";
}

/** Opens the table, or makes one that is told from others by `base`. */
export function openTable(
  { mode, ...options }: Opening,
  base: string,
): Table | "none" | "exists" {
  if (mode === undefined || options.readOnly) {
    try {
      return PsBase.openSync(BASE, options) as unknown as Table;
    } catch (error) {
      if (error instanceof BaseNotFoundError) return "none";
      throw error;
    }
  }
  const schema = { ...SCHEMA, tag: { type: "string", default: base } } as const;
  for (;;) {
    try {
      return PsBase.createSync(BASE, schema, { ...options, mode }) as unknown as Table;
    } catch (error) {
      if (error instanceof BaseExistsError && mode === "new") return "exists";
      if (!(error instanceof SchemaError)) throw error;
      // It is there, and somebody added a field.
      const table = openTable(options, base);
      if (table !== "none") return table;
    }
  }
}

/** All that is in the table, if there is one. */
export function found(table: Table | undefined): unknown {
  return table === undefined ? "none" : ALL.run(table);
}

/** What {@linkcode found} must give. */
export const FOUND: Act = (model) => model === undefined ? [model, "none"] : ALL.act(model);

function anyOpening(random: Random, ends: number): Opening {
  const mode = random.chance(ends) ? random.pick(["new", "override", "open"] as const) : "open";
  return {
    ...(random.chance(0.3 + ends) ? { mode } : {}),
    readOnly: random.chance(0.15),
    durability: random.chance(0.2) ? "relaxed" : "full",
  };
}

/** A table was ended before anybody knew which it was. */
class Ended extends Error {}

/** What tells the table from others. */
function baseOf(table: Table): string {
  try {
    return table.defaults.tag ?? "";
  } catch (error) {
    throw error instanceof BaseNotFoundError ? new Ended() : error;
  }
}

/** The verb, on a handle of the table that is told from others by `base`. */
function onBase(base: string, table: Table, { run, act, ...told }: Verb) {
  return {
    ...told,
    act: ((model) => model?.base === base ? act(model) : [model, "gone"]) satisfies Act,
    run(): unknown {
      try {
        return run(table);
      } catch (error) {
        if (error instanceof BaseNotFoundError) return "gone";
        throw error;
      }
    },
  };
}

/**
 * Opens the table once or twice, and calls some verbs; tells `history` of all of it.
 *
 * @param ends How often it replaces or destroys the table.
 */
export function runProgram(who: string, machine: Machine, history: History, ends: number): void {
  const { random } = machine;
  for (let rounds = random.pick([1, 1, 2]) + (ends > 0 ? 1 : 0); rounds > 0; rounds--) {
    const opening = anyOpening(random, ends);
    const { mode, readOnly } = opening;
    const name = `${who}_${rounds}`;
    let table: Table | undefined;
    let base = "";
    const isOpen = step(who, machine, history, {
      name: `open(${JSON.stringify(opening)})`,
      run() {
        const opened = openTable(opening, name);
        if (typeof opened === "string") return opened;
        table = opened;
        return base = baseOf(table);
      },
      act: mode === undefined || readOnly ? OPEN : creating(name, mode),
      durable: "changed",
    });
    if (table === undefined) continue;
    try {
      for (let left = random.pick([1, 2, 3, 5]); isOpen && left > 0; left--) {
        const reads = readOnly || random.chance(0.3);
        let verb = reads ? anyRead(random) : anyWrite(random, `${name}_${left}`);
        if (verb.durable === "changed" && opening.durability === "relaxed") {
          verb = { ...verb, durable: "never" };
        }
        if (!readOnly && random.chance(ends)) verb = DESTROY;
        const isUsable = step(who, machine, history, onBase(base, table, verb));
        if (verb === DESTROY) break;
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
    if (!isRefusal(failure) && !(failure instanceof Ended)) {
      history.faults.push(`${who} ${name} threw ${failure.stack}`);
    }
  });
  return failure === undefined || undone;
}
