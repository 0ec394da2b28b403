/**
 * A cleanup that is stopped between any two of its steps, while others write, read, open and
 * clean up; then it goes on, or is killed. Where they write much, they clean up though it has the
 * lock of who cleans up. With `PSBASE_LONG=1` its blocking form, too.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../../base.ts";
import { LockTimeoutError } from "../../engine/system/errors.ts";
import { LONG } from "../helpers/crash_run.ts";
import { spawnFixture } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: "integer", note: "string" } as const;
type Numbers = PsBase<typeof SCHEMA>;

/** A handle with a lock of its own, as that of another process; it waits for no lock. */
function open(path: string): Numbers {
  const options = { schema: SCHEMA, timeoutMs: 0 };
  return withFiles({ ...denoFiles }, () => PsBase.openSync(path, options));
}

/** Those who use the table beside the cleaner, and what they know of it. */
class Company implements Disposable {
  readonly #path: string;
  /** What is in each row that they write. */
  readonly #note: string;
  readonly #writer: Numbers;
  readonly #reader: Numbers;
  readonly #rows: number[];
  /** Reads what was there at first, one row and, in the end, the others. */
  readonly #slow: IterableIterator<{ readonly n: number | null }>;
  readonly #first: number[];
  /** How often the lock was not to be had. */
  refused = 0;

  constructor(path: string, note: string) {
    this.#path = path;
    this.#note = note;
    this.#writer = open(path);
    this.#reader = open(path);
    this.#rows = this.#reader.select().map(({ n }) => n!);
    this.#first = this.#rows.slice(1);
    this.#slow = this.#reader[Symbol.iterator]();
    this.#slow.next();
  }

  /** Everybody does what he can; nobody but a writer may have to wait. */
  async meet(at: string): Promise<void> {
    this.#write(this.#writer, at);
    using late = open(this.#path);
    for (const db of [late, this.#writer, this.#reader]) {
      this.#read(db, at);
      this.#write(db, at);
      this.#unlessLocked(() => db.cleanupSync());
      this.#write(db, at);
    }
    using still = PsBase.openSync(this.#path, { schema: SCHEMA, readOnly: true });
    for (const db of [still, late, this.#writer, this.#reader]) this.#read(db, at);
    assertEquals((await PsBase.check(this.#path)).problems, [], at);
  }

  /** Who reads slowly comes to the end. */
  endReading(at: string): void {
    assertEquals(Array.from(this.#slow, ({ n }) => n), this.#first, at);
  }

  /** How often the table was cleaned up, by anybody. */
  get generation(): number {
    this.#reader.size;
    return this.#reader.stats().generation;
  }

  #write(db: Numbers, at: string): void {
    const n = this.#rows.length;
    this.#unlessLocked(() => {
      assertEquals(db.insertSync({ n, note: this.#note }), n, at);
      this.#rows.push(n);
    });
  }

  #read(db: Numbers, at: string): void {
    assertEquals(Array.from(db, ({ n }) => n), this.#rows, at);
  }

  #unlessLocked(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
      this.refused++;
    }
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
  }
}

const RUNS = (["cleanup", "cleanupSync"] as const).flatMap((verb) =>
  (["goes on", "is killed"] as const).flatMap((end) =>
    (["little", "much"] as const).map((written) => ({ verb, end, written }))
  )
);

for (const { verb, end, written } of RUNS) {
  Deno.test({
    name: `PsBase.${verb}() that is stopped at any step while others write ${written}, and then ` +
      `${end}, is in nobody's way`,
    ignore: Deno.build.os === "windows" || (verb === "cleanupSync" && !LONG),
    async fn(t) {
      let stops = 0;
      let locked = 0;
      let passed = 0;
      for (;; stops++) {
        await using temp = tempBase();
        {
          using db = PsBase.createSync(temp.path, SCHEMA);
          db.insertManySync([{ n: 0 }, { n: 1 }]);
          db.cleanupSync();
          db.insertSync({ n: 2 });
        }
        using company = new Company(temp.path, "x".repeat(written === "much" ? 8192 : 1));
        await using cleaner = spawnFixture("pause_at_step", [temp.path, verb, `${stops}`]);
        const step = await cleaner.readLine();
        if (step === "done") break;
        const at = `stopped before step ${stops}, ${step}, ${end}`;
        cleaner.kill("SIGSTOP");
        await cleaner.send("go on");
        const { generation } = company;
        await company.meet(at);
        if (company.refused > 0) locked++;
        else if (company.generation > generation) passed++;

        cleaner.kill(end === "is killed" ? "SIGKILL" : "SIGCONT");
        const { success } = await cleaner.status;
        assertEquals(success, end === "goes on", at);
        company.refused = 0;
        await company.meet(at);
        assertEquals(company.refused, 0, at);
        company.endReading(at);
        const names = Object.keys(temp.files()).map((name) => name.replace(/^\d+/, ""));
        assertEquals(names.sort(), [".log", ".table", "base", "cleanup", "owner"], at);
      }
      await t.step(`${stops} stops, ${locked} of them under the lock, ${passed} passed by`, () => {
        assert(locked > 5 && stops - locked > 5);
        if (written === "much") assertEquals(passed, stops - locked);
      });
    },
  });
}
