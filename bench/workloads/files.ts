/**
 * Whole tables from and to files, each by a command in a process of its own.
 *
 * @module
 */

import { PsBase } from "../../base.ts";
import { main } from "../../cli.ts";
import { psbase } from "../stores/psbase.ts";
import type { Templates } from "../stores/store.ts";
import type { Turn, Workload } from "../suite/workload.ts";
import { users } from "../tables/users.ts";
import { runTelling } from "./programs.ts";

const PROGRAM = [new URL("../programs/files_psbase.ts", import.meta.url).href];

type Run = (dir: string) => Promise<Turn>;

/** The rows of the queries, in files. */
class Files {
  readonly #templates: Templates;
  readonly #rows: number;

  constructor(templates: Templates, rows: number) {
    this.#templates = templates;
    this.#rows = rows;
  }

  /** The table of psbase. */
  table(): Promise<string> {
    return this.#templates.get(psbase(), users, this.#rows);
  }

  /** The file of this form. */
  async of(form: string): Promise<string> {
    const file = `${await this.table()}.${form}`;
    if (sizeOf(file) === 0) await main(["export", await this.table(), file]);
    return file;
  }
}

function sizeOf(file: string): number {
  try {
    return Deno.statSync(file).size;
  } catch {
    return 0;
  }
}

/** Runs the command `sqlite3`; `undefined` if there is none. */
function sqlite3(db: string, script: readonly string[]): string | undefined {
  const command = new Deno.Command("sqlite3", { args: ["-bail", db, ...script] });
  let output: Deno.CommandOutput;
  try {
    output = command.outputSync();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { success, stdout, stderr } = output;
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The fields as SQLite is told them, and how it reads them. */
function sqliteImport(file: string): string[] {
  const columns = "n INTEGER, a INTEGER, b INTEGER, f REAL, word TEXT, email TEXT";
  return [`CREATE TABLE t(${columns})`, `.import --csv --skip 1 "${file}" t`];
}

/** A command, from its start to its end. */
async function commandTurn(name: string, args: string[], result: () => unknown): Promise<Turn> {
  const start = performance.now();
  const { result: code, peakMiB } = await runTelling(PROGRAM, args);
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`psbase ${args.join(" ")}: exit code ${code}`);
  return { figures: { [name]: ms, [`${name}-memory`]: peakMiB }, result: result() };
}

/** The same of `sqlite3`, which does not tell its memory. */
function sqliteTurn(name: string, act: () => void, result: () => unknown): Turn {
  const start = performance.now();
  act();
  return { figures: { [name]: performance.now() - start }, result: result() };
}

function figuresOf(path: string): [rows: number, sum: number] {
  using base = PsBase.openSync<{ a: "integer" }>(path, { readOnly: true });
  return [base.size, base.sum("a")];
}

/** How many lines there are. */
function linesOf(file: string): number {
  let lines = 0;
  for (const byte of Deno.readFileSync(file)) if (byte === 10) lines++;
  return lines;
}

/** Imports and exports of so many rows. */
export function fileWorkloads(templates: Templates, rows: number, group: string): Workload[] {
  const files = new Files(templates, rows);
  const isSqliteThere = sqlite3(":memory:", []) !== undefined;
  const workload = (name: string, title: string, psbase: Run, sqlite3?: Run): Workload => ({
    name,
    group,
    lines: { [name]: { title }, [`${name}-memory`]: { title: "… peak memory", unit: "MiB" } },
    contenders: { psbase, ...(sqlite3 !== undefined && isSqliteThere && { sqlite3 }) },
  });
  const importing = (name: string, form: string): Run => async (dir) => {
    const args = ["import", `${dir}/t`, await files.of(form)];
    return await commandTurn(name, args, () => figuresOf(`${dir}/t`));
  };
  const exporting = (name: string, form: string): Run => async (dir) => {
    const out = `${dir}/out.${form}`;
    const args = ["export", await files.table(), out];
    return await commandTurn(name, args, () => linesOf(out));
  };
  return [
    workload(
      "import-csv",
      "import CSV into a new table, types detected (SQLite: told)",
      importing("import-csv", "csv"),
      async (dir) => {
        const db = `${dir}/db`;
        const script = sqliteImport(await files.of("csv"));
        const found = "SELECT json_array(count(*), sum(a)) FROM t";
        return sqliteTurn("import-csv", () => sqlite3(db, script), () => {
          return JSON.parse(sqlite3(db, [found])!);
        });
      },
    ),
    workload(
      "import-into",
      "import CSV into a table that is there, one commit",
      async (dir) => {
        const file = await files.of("csv");
        await using _base = await PsBase.create(`${dir}/t`, users.schema);
        const args = ["import", `${dir}/t`, file];
        return await commandTurn("import-into", args, () => figuresOf(`${dir}/t`));
      },
    ),
    workload("import-ndjson", "import NDJSON", importing("import-ndjson", "ndjson")),
    workload("import-json", "import a JSON array", importing("import-json", "json")),
    workload("export-csv", "export CSV", exporting("export-csv", "csv"), async (dir) => {
      const db = `${dir}/db`;
      const out = `${dir}/out.csv`;
      sqlite3(db, sqliteImport(await files.of("csv")));
      const script = [".headers on", ".mode csv", `.once "${out}"`, "SELECT * FROM t"];
      return sqliteTurn("export-csv", () => sqlite3(db, script), () => linesOf(out));
    }),
    workload("export-ndjson", "export NDJSON", exporting("export-ndjson", "ndjson")),
  ];
}
