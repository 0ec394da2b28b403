/**
 * One schedule: a few simulated processes on a disk in memory, stopped between their file
 * operations in favour of each other, killed, cut off from power; and what is wrong afterwards.
 * All of it follows from one number.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { PsBase } from "../../base.ts";
import {
  anyOf,
  type Choose,
  Disk,
  ioError,
  noSpace,
  OLDEST,
  random as numbers,
} from "./crash_file.ts";
import { BASE } from "./crash_run.ts";
import { type Random, randomFrom } from "./random.ts";
import { creating, History, unexplained } from "./sim_history.ts";
import { type Machine, type Master, Process, withNonces } from "./sim_process.ts";
import {
  anyInsert,
  FOUND,
  found,
  type Opening,
  openTable,
  runProgram,
  type Table,
} from "./sim_programs.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** What came of a schedule. */
export interface Report {
  /** What happened, and what is wrong. */
  readonly history: History;
  /** How often a process went on. */
  readonly switches: number;
  /** How many processes were killed. */
  readonly kills: number;
  /** How often the power was cut. */
  readonly cuts: number;
  /** How many operations failed. */
  readonly failures: number;
  /** How often the table was destroyed. */
  readonly ends: number;
}

/** How often something happens before an operation. */
interface Rates {
  readonly switch: number;
  readonly kill: number;
  readonly cut: number;
  /** Of what would be left, if all ended here, somebody looks. */
  readonly look: number;
  readonly fail: number;
  /** That the table is replaced or destroyed. */
  readonly end: number;
  /** Of a transfer: that others come in between. */
  readonly part: number;
}

/** Operations whose place among others matters more than that of those that only read. */
const TELLING = new Set([
  ...["sync", "syncDir", "writeAt", "rename", "remove", "tryLock", "unlock"],
]);

/** None that ends has nearly as many. */
const MAX_OPERATIONS = 10_000;

/** How those open who look at what is left. */
const OPENING: Opening = { readOnly: false, durability: "full" };
const CREATING: Opening = { ...OPENING, mode: "open" };
/** What tells the table that is there at first from others. */
const FIRST = "first";
/** With so many cleanups, all is gone that killed processes left. */
const MAX_CLEANUPS = 8;
/** The files of a table of which nothing is left but the last generation. */
const TIDY = "N.log N.table base cleanup owner";

/** Plays the schedule of this number. */
export function play(seed: number): Report {
  return new Schedule(seed).play();
}

/** A schedule in words: what is wrong, who did what, and every operation. */
export function tell(seed: number, { faults, events, trace }: History): string {
  const told = events.map(({ name, start, end, open, result }) =>
    `${start} to ${end}: ${name} ${open ? "was cut short" : `gave ${result}`}`
  );
  const operations: string[] = [];
  let last = "";
  for (const line of trace) {
    const [who, ...what] = line.replace(`${BASE}/`, "").split(" ");
    if (who === last) operations[operations.length - 1] += `, ${what.join(" ")}`;
    else operations.push(line);
    last = who!;
  }
  return [
    `schedule ${seed}: ${faults.join("\n")}`,
    ...told,
    ...operations,
    `again: PSBASE_SEED=${seed} deno test -A tests/sim/schedules_test.ts`,
  ].join("\n").replace(/(.)\1{9,}/g, "$1…");
}

class Schedule implements Master {
  readonly #random: Random;
  readonly #rates: Rates;
  #disk = new Disk();
  #processes: Process[] = [];
  readonly #priorities = new Map<Process, number>();
  /** Who was chosen and did nothing yet. */
  #fresh = false;
  #cut = false;
  /** Somebody is to look at what would be left. */
  #looks = false;
  #names = 0;
  readonly #history = new History();
  readonly #counts = { switches: 0, kills: 0, cuts: 0, failures: 0 };

  constructor(seed: number) {
    const random = this.#random = randomFrom(seed);
    // A table is ended though a full disk refuses to tell all handles, which no order explains.
    const fail = random.pick([0, 0, 0.03, 0.1]);
    this.#rates = {
      switch: random.pick([0.005, 0.02, 0.06]),
      kill: random.pick([0, 0.002, 0.01]),
      cut: random.pick([0, 0.002, 0.01]),
      look: 0.01,
      fail,
      end: fail > 0 ? 0 : random.pick([0, 0.1, 0.4]),
      part: random.pick([0, 0.05, 0.3]),
    };
  }

  play(): Report {
    const random = this.#random;
    if (random.chance(0.8)) this.#create();
    const phases = random.pick([1, 2, 2, 3]);
    for (let phase = 0; phase < phases && this.#history.faults.length === 0; phase++) {
      this.#phase();
      if (this.#history.faults.length === 0) this.#examine();
    }
    const { faults, events } = this.#history;
    const fault = faults.length === 0 ? unexplained(events, undefined) : undefined;
    if (fault !== undefined) faults.push(fault);
    const ends = events.filter(({ name, open, result }) => {
      return name.endsWith("destroy()") && !open && result === "";
    });
    return { ...this.#counts, ends: ends.length, history: this.#history };
  }

  /** Makes a table, and a second generation now and then. */
  #create(): void {
    this.#withTable(this.#disk, CREATING, (table) => {
      if (this.#random.chance(0.5)) table!.cleanupSync();
    });
    this.#history.add("create()", creating(FIRST, "open"), FIRST, "changed");
  }

  // ------------------------------------------------------------- who may go on

  #phase(): void {
    const random = this.#random;
    const count = random.pick([2, 2, 3, 3, 4]);
    this.#processes = Array.from({ length: count }, () => {
      const name = `p${++this.#names}`;
      const program = (machine: Machine) =>
        runProgram(name, machine, this.#history, this.#rates.end);
      const seed = random.below(2 ** 31);
      return new Process({ name, seed, program, files: this.#disk.process(), master: this });
    });
    for (const process of this.#processes) this.#priorities.set(process, random.below(2 ** 31));
    this.#disk.before = ({ name, path }) => this.#failure(name, path);
    this.#cut = false;
    const stuck = new Set<Process>();
    for (;;) {
      const able = this.#processes.filter((process) => !process.over && !stuck.has(process));
      if (this.#cut || able.length === 0 || this.#history.faults.length > 0) break;
      const process = able.reduce((a, b) =>
        this.#priorities.get(a)! >= this.#priorities.get(b)! ? a : b
      );
      this.#fresh = true;
      try {
        if (process.resume()) {
          this.#counts.switches++;
          stuck.clear();
        } else {
          stuck.add(process);
        }
        if (this.#looks) this.#lookAhead();
      } catch (error) {
        this.#history.faults.push(`${process.name} threw ${(error as Error).stack}`);
      }
    }
    this.#disk.before = () => {};
    const left = this.#processes.filter(({ over }) => !over);
    if (!this.#cut && left.length > 0 && this.#history.faults.length === 0) {
      this.#history.faults.push(`${left.map(({ name }) => name)} wait for ever`);
    }
    for (const process of left) this.#kill(process);
    if (!this.#cut) return;
    this.#counts.cuts++;
    this.#disk = cut(this.#disk, this.#anyOf(), this.#history);
  }

  allows(process: Process, name: string): boolean {
    if (this.#fresh) {
      this.#fresh = false;
      return true;
    }
    const random = this.#random;
    // What others, or who comes after a crash, could miss.
    const weight = TELLING.has(name) ? 5 : 1;
    if (random.chance(weight * this.#rates.look)) {
      this.#looks = true;
      return false;
    }
    if (this.#history.now > MAX_OPERATIONS) this.#history.faults.push("it goes on for ever");
    if (this.#history.faults.length > 0) return false;
    if (random.chance(weight * this.#rates.cut)) {
      this.#cut = true;
      return false;
    }
    if (random.chance(weight * this.#rates.kill)) {
      const victim = random.pick(this.#processes.filter(({ over }) => !over));
      this.#counts.kills++;
      this.#history.trace.push(`${victim.name} is killed`);
      this.#kill(victim);
      return victim !== process;
    }
    if (!random.chance(weight * this.#rates.switch)) return true;
    const other = random.chance(0.5) ? process : random.pick(this.#processes);
    this.#priorities.set(other, random.below(2 ** 31));
    const priority = this.#priorities.get(process)!;
    return this.#processes.every((one) => one.over || this.#priorities.get(one)! <= priority);
  }

  note(process: Process, name: string, path: string): void {
    this.#history.trace.push(`${process.name} ${name} ${path}`);
  }

  part(path: string, length: number): number {
    const log = path.endsWith(".log");
    if (!(log ? length >= 64 : path === BASE)) return length;
    if (!this.#random.chance(this.#rates.part)) return length;
    return log
      ? 8 * (1 + this.#random.below(Math.min(length, 512) / 8 - 1))
      : this.#random.below(2);
  }

  /** What a power cut leaves: anything. */
  #anyOf(): Choose {
    return anyOf(numbers(this.#random.below(2 ** 31)));
  }

  #failure(name: string, path: string) {
    const random = this.#random;
    if (name !== "sync" && name !== "writeAt" || !random.chance(this.#rates.fail)) return;
    // What create took back others may have opened, which no order of commits explains.
    if (path === `${BASE}/base`) return;
    const error = name === "sync" ? ioError() : noSpace();
    this.#counts.failures++;
    const pages = random.pick(["kept", "dropped"] as const);
    const what = `${name} of ${path} fails`;
    // What was not synced is gone from the cache, too, and with it what others may have read.
    if (name === "sync" && pages === "dropped") this.#history.add(what);
    else this.#history.trace.push(what);
    if (name === "sync") return { error, pages };
    return { error, written: path.endsWith(".log") ? random.pick([0, 8, 48, 200]) : 0 };
  }

  #kill(process: Process): void {
    this.#history.cutShort(process.name);
    process.kill();
  }

  // ------------------------------------------------------------- what is left

  /** Looks at what would be left if all were killed now, or the power were cut. */
  #lookAhead(): void {
    this.#looks = false;
    const random = this.#random;
    const choose = random.pick([undefined, OLDEST, this.#anyOf(), this.#anyOf()]);
    const history = this.#history.fork();
    let fault: string | undefined;
    try {
      let disk = this.#disk.killed();
      if (choose !== undefined) {
        disk = cut(disk, choose, history);
        // Whoever was not told of a commit does it again; that may be lost, too.
        if (random.chance(0.5)) {
          this.#insert(disk, history);
          disk = cut(disk, this.#anyOf(), history);
        }
      }
      history.add("a look", FOUND, this.#withTable(disk, OPENING, found));
      fault = unexplained(history.events, undefined);
      // Whatever it is, one can go on from it.
      this.#withTable(disk, CREATING, () => {});
    } catch (error) {
      fault = (error as Error).stack;
    }
    if (fault === undefined) return;
    const what = history.events.slice(this.#history.events.length).map(({ name }) => name);
    this.#history.faults.push(`looking ahead at ${this.#history.now}, ${what}: ${fault}`);
  }

  #insert(disk: Disk, history: History): void {
    const { name, run, act } = anyInsert(this.#random);
    this.#withTable(disk, { ...OPENING, durability: "relaxed" }, (table) => {
      if (table !== undefined) history.add(name, act, run(table));
    });
  }

  /** Opens what is there, as a process of its own that nobody disturbs. */
  #examine(): void {
    const disk = this.#disk.killed();
    try {
      const seen = this.#withTable(disk, OPENING, found);
      this.#history.add("a look", FOUND, seen);
      const left = contents(disk);
      assertEquals(this.#withTable(disk, OPENING, found), seen, "found by the second who opens");
      const changed = [...contents(disk)].filter(([path, text]) => left.get(path) !== text);
      assertEquals(changed.map(([path]) => path), [], "what the second who opens changes");
      if (seen !== "none") {
        const { problems } = withFiles(disk.process(), () => PsBase.checkSync(BASE));
        assertEquals(problems, [], "problems that check() tells");
      }
      this.#goOn(disk);
    } catch (error) {
      this.#history.faults.push(`afterwards: ${(error as Error).stack}`);
    }
  }

  /** Writes to what is left and cleans it up: that is there after a power cut, and nothing else. */
  #goOn(disk: Disk): void {
    const last = this.#withTable(disk, CREATING, (table) => {
      table!.insertSync({ tag: "last" });
      // What was built for the next generation of one that a power cut took goes with the second;
      // what was built for another table in its place may have greater numbers.
      let left = MAX_CLEANUPS;
      do table!.cleanupSync(); while (--left > 0 && kinds(disk) !== TIDY);
      return found(table);
    });
    assertEquals(this.#withTable(disk.cut(OLDEST), OPENING, found), last, "found after that");
    assertEquals(kinds(disk), TIDY, "files after that");
  }

  /** Opens the table as a process of its own. */
  #withTable<T>(disk: Disk, opening: Opening, fn: (table: Table | undefined) => T): T {
    return withNonces(randomFrom(this.#random.below(2 ** 31)), () => {
      const files = disk.process();
      const opened = withFiles(files, () => openTable(opening, FIRST));
      const table = typeof opened === "string" ? undefined : opened;
      const result = fn(table);
      table?.[Symbol.dispose]();
      assertEquals(files.opened.size, 0, "files that were left open");
      return result;
    });
  }
}

/** What a power cut leaves, and that there was one. */
function cut(disk: Disk, choose: Choose, history: History): Disk {
  history.add("power cut");
  return disk.cut(choose);
}

/** The files of the table, without the numbers of their generations. */
function kinds(disk: Disk): string {
  return disk.process().list(BASE)!.map((name) => name.replace(/^\d+/, "N")).sort().join(" ");
}

/** What is in each file, as text. */
function contents(disk: Disk): Map<string, string> {
  const decoder = new TextDecoder("latin1");
  return new Map(Array.from(disk.image(), ([path, bytes]) => [path, decoder.decode(bytes)]));
}
