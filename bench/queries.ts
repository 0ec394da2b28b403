/**
 * Queries on one million rows, psbase beside SQLite (`node:sqlite`, in the same process, by
 * turns, warm), as Markdown.
 *
 * ```sh
 * deno run -A bench/queries.ts
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { DatabaseSync } from "node:sqlite";
import { PsBase } from "../base.ts";
import { heading, ms, row, timed } from "./compare/measure.ts";

const ROWS = 1_000_000;
const TIMES = 7;
/** Operations a measurement, where one is too short for the clock. */
const MANY = 10_000;

const SCHEMA = {
  n: { type: "integer", index: true },
  a: "integer",
  b: "integer",
  f: "float",
  word: "string",
  email: { type: "string", unique: true },
} as const;

const WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];

/** Numbers that look random and are the same each time. */
function shuffled(i: number): number {
  return (i * 7919) % 1_000_003;
}

function* makeRows() {
  for (let i = 0; i < ROWS; i++) {
    const n = shuffled(i);
    yield {
      n,
      a: n % 1000,
      b: shuffled(n) % 1000,
      f: n / 7,
      word: `${WORDS[n % 8]} ${n % 5000}`,
      email: `user${n}@example.com`,
    };
  }
}

const dir = await Deno.makeTempDir({ prefix: "psbase_bench_" });
try {
  using base = await PsBase.create(`${dir}/base`, SCHEMA);
  await base.insertMany(makeRows());
  await base.cleanup();

  using db = new DatabaseSync(`${dir}/sqlite`);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -262144;
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, a INTEGER, b INTEGER, f REAL, word TEXT,
      email TEXT); BEGIN`);
  const insert = db.prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)");
  let id = 0;
  for (const { n, a, b, f, word, email } of makeRows()) insert.run(id++, n, a, b, f, word, email);
  db.exec("COMMIT; CREATE INDEX t_n ON t (n); CREATE UNIQUE INDEX t_email ON t (email)");

  const sql = (text: string) => db.prepare(text);
  const both = sql("SELECT count(*) AS c FROM t WHERE a > 500 AND b < 300");
  const word = sql("SELECT count(*) AS c FROM t WHERE word = ?");
  const words = sql("SELECT count(*) AS c FROM t WHERE word LIKE '%lot 1%'");
  const range = sql("SELECT count(*) AS c, avg(f) AS m FROM t WHERE a BETWEEN 200 AND 300");
  const groups = sql("SELECT a, count(*) AS c, avg(f) AS m FROM t GROUP BY a");
  const everything = sql("SELECT * FROM t");
  const byN = sql("SELECT * FROM t WHERE n = ?");
  const byEmail = sql("SELECT * FROM t WHERE email = ?");
  const byId = sql("SELECT * FROM t WHERE id = ?");
  const many = (fn: (i: number) => unknown) => {
    for (let i = 0; i < MANY; i++) fn((i * 7919) % ROWS);
  };
  const c = (result: unknown) => (result as { c: number }).c;

  // Each: psbase, SQLite, how many times as fast psbase is to be. Both give the same.
  const work: Record<string, [psbase: () => unknown, sqlite: () => unknown, wanted: number]> = {
    "predicate function over two columns": [
      () => base.count((row) => row.a! > 500 && row.b! < 300),
      () => c(both.get()),
      8,
    ],
    "the same as conditions": [
      () => base.count({ a: { gt: 500 }, b: { lt: 300 } }),
      () => c(both.get()),
      8,
    ],
    "text equality, no index": [
      () => base.count({ word: "echo 1012" }),
      () => c(word.get("echo 1012")),
      10,
    ],
    "text contains": [
      () => base.count({ word: { contains: "lot 1" } }),
      () => c(words.get()),
      1,
    ],
    "count + avg over a range": [
      () => [base.count({ a: [200, 300] }), base.avg("f", { a: [200, 300] })][0],
      () => c(range.get()),
      20,
    ],
    "group by 1,000 values: count, avg": [
      () => base.groupBy("a", { c: "count", m: ["avg", "f"] }).length,
      () => groups.all().length,
      1,
    ],
    "all rows as objects": [() => base.select().length, () => everything.all().length, 5],
    [`${MANY} × indexed integer equality`]: [
      () => many((i) => base.select({ n: shuffled(i) })),
      () => many((i) => byN.all(shuffled(i))),
      1,
    ],
    [`${MANY} × unique text equality`]: [
      () => many((i) => base.select({ email: `user${shuffled(i)}@example.com` })),
      () => many((i) => byEmail.all(`user${shuffled(i)}@example.com`)),
      1,
    ],
    [`${MANY} × get by id`]: [
      () => many((i) => base.get(i)),
      () => many((i) => byId.get(i)),
      3,
    ],
    [`${MANY} × get by id in a snapshot`]: [
      () => base.snapshot((view) => many((i) => view.get(i))),
      () => many((i) => byId.get(i)),
      10,
    ],
  };

  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  heading(`${ROWS} rows, warm, medians of ${TIMES}`, [
    "",
    "psbase ms",
    "SQLite ms",
    "times as fast",
    "wanted",
  ]);
  for (const [name, [psbase, sqlite, wanted]] of Object.entries(work)) {
    if (psbase() !== sqlite()) throw new Error(`${name}: not the same result`);
    const times: [number[], number[]] = [[], []];
    for (let i = 0; i < TIMES; i++) {
      times[0].push(await timed(psbase));
      times[1].push(await timed(sqlite));
    }
    const [ours, theirs] = times.map(median) as [number, number];
    row([name, ms(ours), ms(theirs), (theirs / ours).toFixed(1), `≥ ${wanted}`]);
  }
  console.log();
} finally {
  await Deno.remove(dir, { recursive: true });
}
